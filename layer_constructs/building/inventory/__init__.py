"""What is in a layer: its components, their licences, an SBOM, and what is known of their vulnerabilities."""

"""Requirements file -> finished layer. Knows nothing of the CDK."""

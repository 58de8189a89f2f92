"""Licences as package metadata names them, by SPDX identifier.

Classifiers: https://pypi.org/classifiers/, read 2026-11. Which of them are ambiguous: the appendix "Mapping License
Classifiers to SPDX Identifiers" of PEP 639, and those for which SPDX 3.27 has several versions.
"""

from __future__ import annotations

# The last part of a classifier that means one licence.
EXACT = {
    "Attribution Assurance License": "AAL",
    "Blue Oak Model License (BlueOak-1.0.0)": "BlueOak-1.0.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)": "CECILL-2.1",
    "CMU License (MIT-CMU)": "MIT-CMU",
    "CeCILL-B Free Software License Agreement (CECILL-B)": "CECILL-B",
    "CeCILL-C Free Software License Agreement (CECILL-C)": "CECILL-C",
    "Common Development and Distribution License 1.0 (CDDL-1.0)": "CDDL-1.0",
    "Common Public License": "CPL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "Educational Community License, Version 2.0 (ECL-2.0)": "ECL-2.0",
    "European Union Public Licence 1.0 (EUPL 1.0)": "EUPL-1.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "IBM Public License": "IPL-1.0",
    "ISC License (ISCL)": "ISC",
    "Intel Open Source License": "Intel",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "MirOS License (MirOS)": "MirOS",
    "Motosoto License": "Motosoto",
    "Mozilla Public License 1.0 (MPL)": "MPL-1.0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Mulan Permissive Software License v2 (MulanPSL-2.0)": "MulanPSL-2.0",
    "NASA Open Source Agreement v1.3 (NASA-1.3)": "NASA-1.3",
    "Nethack General Public License": "NGPL",
    "Nokia Open Source License": "Nokia",
    "Open Group Test Suite License": "OGTSL",
    "Open Software License 3.0 (OSL-3.0)": "OSL-3.0",
    "PostgreSQL License": "PostgreSQL",
    "Python License (CNRI Python License)": "CNRI-Python",
    "Python Software Foundation License": "PSF-2.0",
    "Qt Public License (QPL)": "QPL-1.0",
    "Ricoh Source Code Public License": "RSCPL",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "Sleepycat License": "Sleepycat",
    "Sun Public License": "SPL-1.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "University of Illinois/NCSA Open Source License": "NCSA",
    "Vovida Software License 1.0": "VSL-1.0",
    "X.Net License": "Xnet",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "zlib/libpng License": "Zlib",
}

# The last part of a classifier that leaves the version or variant open, and how the identifiers it may mean begin.
AMBIGUOUS = {
    "Academic Free License (AFL)": "AFL-",
    "Apache Software License": "Apache-",
    "Apple Public Source License": "APSL-",
    "Artistic License": "Artistic-",
    "BSD License": "BSD-",
    "Eiffel Forum License": "EFL-",
    "Eiffel Forum License (EFL)": "EFL-",
    "GNU Affero General Public License v3": "AGPL-3.0-",
    "GNU Free Documentation License (FDL)": "GFDL-",
    "GNU General Public License (GPL)": "GPL-",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-",
    "Netscape Public License (NPL)": "NPL-",
    "Sun Industry Standards Source License (SISSL)": "SISSL",
    "W3C License": "W3C",
    "Zope Public License": "ZPL-",
}

# Classifiers that name no licence.
SAY_NOTHING = frozenset({"License", "OSI Approved", "DFSG approved"})

# What people write into the field `License` for one licence, as its words in lower case, in any order. Without a
# version or variant (`BSD`, `Apache`, `GPLv3`) it is not one licence.
SPELLINGS = {
    frozenset(words.split()): identifier
    for words, identifier in {
        "apache 2.0": "Apache-2.0",
        "apache 2": "Apache-2.0",
        "apache2": "Apache-2.0",
        "apache2.0": "Apache-2.0",
        "asl 2.0": "Apache-2.0",
        "asl 2": "Apache-2.0",
        "bsd 2 clause": "BSD-2-Clause",
        "simplified bsd": "BSD-2-Clause",
        "bsd 3 clause": "BSD-3-Clause",
        "new bsd": "BSD-3-Clause",
        "modified bsd": "BSD-3-Clause",
        "revised bsd": "BSD-3-Clause",
        "agplv3+": "AGPL-3.0-or-later",
        "gplv2+": "GPL-2.0-or-later",
        "gplv3+": "GPL-3.0-or-later",
        "lgplv2.1+": "LGPL-2.1-or-later",
        "lgplv3+": "LGPL-3.0-or-later",
        "expat": "MIT",
        "isc": "ISC",
        "iscl": "ISC",
        "mit": "MIT",
        "mpl 2.0": "MPL-2.0",
        "mpl2": "MPL-2.0",
        "mozilla public 2.0": "MPL-2.0",
        "psf": "PSF-2.0",
        "psfl": "PSF-2.0",
        "python foundation": "PSF-2.0",  # `software` is a word that says nothing
        "unlicense": "Unlicense",
        "zlib": "Zlib",
        "zlib libpng": "Zlib",
        "zpl 2.1": "ZPL-2.1",
        "zope public 2.1": "ZPL-2.1",
    }.items()
}
WORDS_WITHOUT_MEANING = frozenset({"the", "license", "licence", "licensed", "version", "software"})

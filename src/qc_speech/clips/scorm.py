"""A lesson as a SCORM 1.2 package: one SCO, its manifest at the root of the zip.

ADL, "SCORM Version 1.2: The SCORM Content Aggregation Model", 2001, section 2.3 (content packaging,
on IMS Content Packaging 1.1.2).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

IMSCP = "http://www.imsproject.org/xsd/imscp_rootv1p1p2"
ADLCP = "http://www.adlnet.org/xsd/adlcp_rootv1p2"
MANIFEST = "imsmanifest.xml"


def manifest(identifier: str, title: str, launch: str, files: Sequence[str]) -> bytes:
    """imsmanifest.xml of a package with one SCO that starts at `launch`; `files` are all files of
    the package but the manifest, by their paths in it."""
    ET.register_namespace("", IMSCP)
    ET.register_namespace("adlcp", ADLCP)
    root = ET.Element(f"{{{IMSCP}}}manifest", {"identifier": f"M-{identifier}", "version": "1.0"})
    metadata = _in(root, "metadata")
    _in(metadata, "schema").text = "ADL SCORM"
    _in(metadata, "schemaversion").text = "1.2"
    organizations = _in(root, "organizations", default=f"O-{identifier}")
    organization = _in(organizations, "organization", identifier=f"O-{identifier}")
    _in(organization, "title").text = title
    item = _in(organization, "item", identifier=f"I-{identifier}", identifierref=f"R-{identifier}")
    _in(item, "title").text = title
    resource = _in(
        _in(root, "resources"), "resource", identifier=f"R-{identifier}", type="webcontent",
        href=launch,
    )  # fmt: skip
    resource.set(f"{{{ADLCP}}}scormtype", "sco")
    for path in sorted(files, key=lambda path: (path != launch, path)):
        _in(resource, "file", href=path)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _in(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{IMSCP}}}{tag}", attributes)

"""How does a PDF show that it is ours and unchanged? A PAdES signature with the platform's key, and a time-stamp where a server is named.

Baseline B-B; B-T when SUCCESSION_TSA_URL is set. The certificate is the platform's own: who checks the seal compares it with the one
the operator publishes (`succession keys show`). No external validator was run; tests validate with pyHanko.
"""

from __future__ import annotations

from io import BytesIO

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers, timestamps
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from succession.keys import Seal

TSA_TIMEOUT_S = 10
FIELD = "Seal"


def seal_pdf(content: bytes, seal: Seal, reason: str, tsa_url: str | None) -> bytes:
    """The same PDF with our seal over all of it. Raises OSError or pyHanko's error when the time-stamp server does not answer."""
    key = seal.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    certificate = asn1_x509.Certificate.load(seal.certificate.public_bytes(Encoding.DER))
    signer = signers.SimpleSigner(
        signing_cert=certificate, signing_key=asn1_keys.PrivateKeyInfo.load(key), cert_registry=SimpleCertificateStore())
    wanted = signers.PdfSignatureMetadata(field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason)
    stamper = timestamps.HTTPTimeStamper(tsa_url, timeout=TSA_TIMEOUT_S) if tsa_url else None
    sealed = BytesIO()
    signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(content)), wanted, signer=signer, timestamper=stamper, output=sealed)
    return sealed.getvalue()

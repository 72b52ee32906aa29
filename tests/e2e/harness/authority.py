"""Throw-away certificate authorities."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """Vouches for whom it is told to. `certificate` is the file of its own."""

    def __init__(self, folder: pathlib.Path, name: str = "authority"):
        self.folder, self.name = folder, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        made = self._sign(self.name, self.key, -2, 2, [(x509.BasicConstraints(ca=True, path_length=0), True)])
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, key, begin_days, end_days, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now + datetime.timedelta(days=begin_days)).not_valid_after(now + datetime.timedelta(days=end_days))
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, critical=is_critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name: str, *hosts: str, is_expired: bool = False) -> tuple[pathlib.Path, pathlib.Path]:
        """NAME.pem, of these names and addresses, and NAME.key; NAME.both has both."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = []
        for host in hosts or ("client",):
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        end = -1 if is_expired else 2
        certificate = self._sign(subject, key, -2, end, [(x509.SubjectAlternativeName(names), False)]).public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        for path, content in zip((*paths, self.folder / f"{name}.both"), (certificate, private, certificate + private)):
            path.touch(mode=0o600)
            path.write_bytes(content)
        return paths

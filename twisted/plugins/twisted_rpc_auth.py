"""Makes `--auth` know the checkers of `twisted_rpc`.

Imported by every command that lists checkers: it loads nothing of ours until one is made,
or until somebody asks what credentials it takes.
"""

from importlib import import_module

from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(ICheckerFactory, IPlugin)
class _Checker:
    """A checker by its name.

    Args:
        authType: its name.
        module: of `twisted_rpc.checkers`, has `from_argument`.
        interface: of `twisted_rpc.auth.credentials` or `twisted.cred.credentials`.
        argStringFormat: what follows the colon, in a line.
        authHelp: the same at length.
    """

    def __init__(self, authType, module, interface, argStringFormat, authHelp):
        self.authType = authType
        self.argStringFormat = argStringFormat
        self.authHelp = authHelp
        self._module = module
        self._interface = interface

    @property
    def credentialInterfaces(self):
        """What it takes."""
        module, _, name = self._interface.rpartition(".")
        return (getattr(import_module(module), name),)

    def generateChecker(self, argstring):
        """Make one."""
        return import_module(f"twisted_rpc.checkers.{self._module}").from_argument(argstring)


htpasswd = _Checker(
    "htpasswd",
    "htpasswd",
    "twisted.cred.credentials.IUsernamePassword",
    "FILE",
    """
Users and passwords by a file of lines USER:HASH in the format of Apache, with
bcrypt or argon2 (pip install 'twisted_rpc[passwd]'). `twisted-rpc passwd FILE
USER` writes them. The file is read again when it changes.
""",
)

token = _Checker(
    "token",
    "tokens",
    "twisted_rpc.auth.credentials.IBearerToken",
    "FILE",
    """
Bearer tokens by a TOML file that holds their hashes, names, roles and ends.
`twisted-rpc token new FILE NAME` makes one and prints it once. The file is read
again when it changes.
""",
)

jwt = _Checker(
    "jwt",
    "jwt",
    "twisted_rpc.auth.credentials.IBearerToken",
    "secret=FILE | key=FILE | jwks=FILE-OR-URL : algorithms=A,B : audience=A : issuer=I ...",
    r"""
JSON Web Tokens (pip install 'twisted_rpc[jwt]'). Write \: for a colon in a value.

  secret=FILE     a shared secret, for HS256, HS384 and HS512
  key=FILE        a public key or a certificate in PEM
  jwks=FILE       a JSON Web Key Set
  jwks=https\://HOST/PATH
                  one that is fetched, and again every five minutes
  algorithms=A,B  those a token may be signed with; there is no default
  audience=A      what aud has to name; needed unless there is a secret
  issuer=I        what iss has to be; needed unless there is a secret
  leeway=SECONDS  that clocks may differ by; 30
  name=CLAIM      the claim that holds the name; sub
  roles=CLAIM     the claim that holds the roles; none

exp has to be in every token.
""",
)

cert = _Checker(
    "cert",
    "certificates",
    "twisted_rpc.auth.credentials.IClientCertificate",
    "subject=CN | san=email | san=dns | san=uri : map=FILE",
    """
TLS client certificates, which the listener has to ask for and verify.

  subject=CN     the name is in the subject: CN, UID, emailAddress, serialNumber
  san=KIND       the name is the alternative name of a kind: dns, email, uri
  map=FILE       only certificates in this TOML file, by name or by fingerprint

The file has tables [[certificate]] with name or fingerprint (SHA-256), identity,
and roles and namespaces if there are any. It is read again when it changes.
""",
)

peercred = _Checker(
    "peercred",
    "unix_peers",
    "twisted_rpc.auth.credentials.IUnixPeer",
    "[uid=0,1000] : [user=alice,root] : [group=staff]",
    """
Processes of the same machine on a Unix socket, by their user, as the kernel tells
it. With nothing after the colon root is let in, and whoever the daemon runs as.

  uid=0,1000       users by number
  user=alice,root  users by name
  group=staff      members of groups
""",
)

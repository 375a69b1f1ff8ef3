"""TLS of a listener: who we prove to be, whom we ask for a certificate, and how it is renewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cryptography.x509 import Certificate
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import Listener
from twisted_rpc.transports.certificates import KeyPair, load_certificates, load_pair, validity
from twisted_rpc.transports.records import RecordConnection, TLSLine

__all__ = ["TLS", "TLSConnection", "reason_of"]

_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption; those of TLS 1.3 all have both."""

_VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}

# No client resumes a session, so that each handshake goes by the certificates of its time.
_OPTIONS = (
    SSL.OP_NO_COMPRESSION
    | SSL.OP_NO_RENEGOTIATION
    | SSL.OP_NO_TICKET
    | SSL.OP_CIPHER_SERVER_PREFERENCE
)

_REFUSALS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself",
    19: "is signed by an authority that is not in client_ca",
    20: "is signed by an authority that is not in client_ca",
    24: "is signed by what is no authority",
    26: "is not for clients",
}
"""What X509_verify_cert finds wrong with a certificate, by its number (`X509_V_ERR_…`)."""

_LONGEST_NAME = 100


def reason_of(error: SSL.Error) -> str:
    """What OpenSSL says went wrong."""
    errors = error.args[0] if error.args else ()
    return str(errors[-1][-1]) if errors else "no reason given"


class TLSConnection(RecordConnection):
    """One connection's TLS.

    Attributes:
        refusal: what is wrong with the certificate that the client has shown.
        made_of: keeps the contexts, whose callbacks OpenSSL may still call, while they
            are exchanged.
    """

    refusal: str | None = None
    made_of: _Contexts


class _Contexts:
    """One state of a listener's files.

    Args:
        listener: names the files.

    Raises:
        ConfigError: one of them cannot be used.
    """

    def __init__(self, listener: Listener) -> None:
        assert listener.certificate is not None
        self._listener = listener
        self._authorities = load_certificates(listener.client_ca) if listener.client_ca else []
        self._pairs = {listener.certificate: load_pair(listener.certificate, listener.key)}
        for name in listener.sni.values():
            self._pairs[name.certificate] = load_pair(name.certificate, name.key)
        self._default = self._context(listener.certificate)
        self._by_name = {name: self._context(of.certificate) for name, of in listener.sni.items()}

    def connection(self) -> TLSConnection:
        """TLS for one more connection."""
        made = TLSConnection(self._default)
        made.made_of = self
        return made

    def warnings(self) -> Iterator[str]:
        """What can be used, and yet will not be believed by all."""
        files: Mapping[str, list[Certificate]] = {
            **{path: pair.chain for path, pair in self._pairs.items()},
            **({self._listener.client_ca: self._authorities} if self._listener.client_ca else {}),
        }
        for path, certificates in files.items():
            for certificate in certificates:
                wrong = validity(certificate)
                if wrong is not None:
                    yield f"certificate {path}: {wrong}"

    def _context(self, path: str) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(_VERSIONS[self._listener.tls_minimum or "1.2"])
        context.set_options(_OPTIONS)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_cipher_list(_CIPHERS)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        # Without it a client that shows a certificate and a session is refused.
        context.set_session_id(b"rpc")
        context.set_alpn_select_callback(_select_protocol)
        context.set_tlsext_servername_callback(self._select_context)
        try:
            _use(context, self._pairs[path])
        except SSL.Error as error:
            raise ConfigError(f"certificate {path}: {reason_of(error)}") from error
        if self._authorities:
            self._ask_clients(context)
        return context

    def _ask_clients(self, context: SSL.Context) -> None:
        """Have clients show certificates that our authorities have signed."""
        store = context.get_cert_store()
        assert store is not None
        for authority in self._authorities:
            store.add_cert(X509.from_cryptography(authority))
            context.add_client_ca(authority)
        mode = SSL.VERIFY_PEER
        if self._listener.client_certificates != "optional":
            mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(mode, _verified)

    def _select_context(self, connection: SSL.Connection) -> None:
        """Go on with the certificate for the name the client asks for (RFC 6066, section 3)."""
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        wildcard = f"*.{name.partition('.')[2]}"
        context = self._by_name.get(name) or self._by_name.get(wildcard)
        if context is not None:
            connection.set_context(context)


def _use(context: SSL.Context, pair: KeyPair) -> None:
    certificate, *rest = pair.chain
    context.use_certificate(certificate)
    for authority in rest:
        context.add_extra_chain_cert(authority)
    context.use_privatekey(pair.key)


def _verified(
    connection: SSL.Connection, certificate: X509, number: int, depth: int, good: int
) -> bool:
    """Note what is wrong with a client's certificate; only OpenSSL decides."""
    if not good and isinstance(connection, TLSConnection):
        subject = certificate.to_cryptography().subject.rfc4514_string()
        name = ascii(subject)[1:-1][:_LONGEST_NAME]
        wrong = _REFUSALS.get(number, f"cannot be verified (X509 error {number})")
        connection.refusal = f"the certificate of {name} {wrong}"
    return bool(good)


def _select_protocol(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    """What the factory speaks of what the client offers (ALPN, RFC 7301)."""
    factory = connection.get_app_data().factory.wrappedFactory
    known = IProtocolNegotiationFactory(factory, None)
    if known is None:  # it speaks one thing, which has no name
        return SSL.NO_OVERLAPPING_PROTOCOLS
    # An empty name ends the handshake: nothing that is offered is spoken here.
    return next((name for name in known.acceptableProtocols() if name in offered), b"")


@implementer(IOpenSSLServerConnectionCreator)
class TLS:
    """What a listener's connections are encrypted with; `reload` exchanges it.

    TLS 1.2 at least, with no compression, no renegotiation and no resumed sessions.

    Args:
        listener: names the files: `certificate`, `key`, `sni`, `client_ca`.

    Raises:
        ConfigError: one of them cannot be used.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._contexts = _Contexts(listener)

    def around(self, factory: Factory, clock: IReactorTime) -> TLSMemoryBIOFactory:
        """A factory whose lines are encrypted, for what the lines of another one say."""
        wrapped = TLSMemoryBIOFactory(self, False, factory, clock)
        wrapped.protocol = TLSLine
        return wrapped

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """TLS for one more connection, by the files as they were read last."""
        return self._contexts.connection()

    def reload(self) -> None:
        """Read the files again, for the connections that come; those there are keep theirs.

        Raises:
            ConfigError: one cannot be used; nothing is exchanged then.
        """
        self._contexts = _Contexts(self._listener)

    def warnings(self) -> list[str]:
        """What is no reason to refuse the files, and yet to look at them."""
        return list(self._contexts.warnings())

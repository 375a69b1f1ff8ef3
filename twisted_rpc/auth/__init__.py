"""Who a caller is: credentials from the wire to `twisted.cred` and back.

One way for every transport.  A transport finds `credentials` (an Authorization header, the
first message of a stream, a certificate); the endpoint's `authenticate` asks a `portal`
whose they are; the answer is an `identity`.
"""

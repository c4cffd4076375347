"""Every error the library raises, in one tree.

```
OpenGradientError                       .code (stable), .diagnostics() (what to do next)
├─ ConfigurationError                   the caller's mistake, found before anything is sent
│  └─ UnsupportedParameterError         a parameter that this model or provider does not have (.parameter)
├─ TransportError                       the bytes did not arrive; the only family that is ever retried
│  ├─ ConnectError                      no connection: nothing was sent
│  ├─ TimedOutError                     no answer in time: it may have been processed
│  ├─ ProtocolError                     the peer broke HTTP, SSE or JSON
│  ├─ NodeError                         the node answered with an error status (.status, .node_id, .body)
│  │  ├─ RateLimitedError               (.retry_after)
│  │  └─ NotFoundError
│  └─ RelayError                        a relay answered for itself, outside the seal (.status, .body, .retry_after)
├─ OutputError                          authentic, but not of the form that was asked for (.reply)
├─ PaymentError                         an offer, an allowance or a charge that the caller did not permit
├─ ChainError                           the ledger refused or did not answer
│  ├─ RevertedError                     (.reason)
│  └─ NotFinalError                     not anchored deep enough yet: ask again later
├─ SettlementError                      this receipt will not settle, and why
├─ StorageError                         a blob could not be stored, read or hashed
├─ VerificationError                    the bytes arrived and are not to be believed; never retried (.step, .expected, .actual)
│  ├─ AttestationError
│  │  ├─ CertificateChainError
│  │  ├─ MeasurementMismatchError
│  │  └─ FreshnessError
│  ├─ ChannelError                      not sealed by the attested node for this request
│  ├─ SignatureError
│  ├─ InclusionError
│  ├─ ProofError
│  ├─ PolicyError
│  └─ MalformedError                    not even well-formed
└─ UnsupportedError                     a format or version that this release does not know ("not invalid")
```

Every code that an error can carry stands in `CODES`, with its meaning and what to do next;
an error with an unknown code cannot be made. `docs/errors.md` is generated from that table.
"""

from opengradient.errors._codes import CODES, Code
from opengradient.errors._tree import (
    AttestationError,
    CertificateChainError,
    ChainError,
    ChannelError,
    ConfigurationError,
    ConnectError,
    FreshnessError,
    InclusionError,
    MalformedError,
    MeasurementMismatchError,
    NodeError,
    NotFinalError,
    NotFoundError,
    OpenGradientError,
    OutputError,
    PaymentError,
    PolicyError,
    ProofError,
    ProtocolError,
    RateLimitedError,
    RelayError,
    RevertedError,
    SettlementError,
    SignatureError,
    StorageError,
    TimedOutError,
    TransportError,
    UnsupportedError,
    UnsupportedParameterError,
    VerificationError,
)

__all__ = [
    "CODES",
    "AttestationError",
    "CertificateChainError",
    "ChainError",
    "ChannelError",
    "Code",
    "ConfigurationError",
    "ConnectError",
    "FreshnessError",
    "InclusionError",
    "MalformedError",
    "MeasurementMismatchError",
    "NodeError",
    "NotFinalError",
    "NotFoundError",
    "OpenGradientError",
    "OutputError",
    "PaymentError",
    "PolicyError",
    "ProofError",
    "ProtocolError",
    "RateLimitedError",
    "RelayError",
    "RevertedError",
    "SettlementError",
    "SignatureError",
    "StorageError",
    "TimedOutError",
    "TransportError",
    "UnsupportedError",
    "UnsupportedParameterError",
    "VerificationError",
]

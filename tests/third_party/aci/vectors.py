"""Published constants; see README.md for source and licence."""

REQUEST = b'{"messages":[{"content":"hi","role":"user"}],"model":"demo-model"}'
RESPONSE = b'{"choices":[],"id":"chatcmpl-123"}'

NONCE = bytes(range(32))

KEYSET = (
    '{"e2ee_public_keys":[{"algo":"x25519-aes-256-gcm-hkdf-sha256","key_id":"e2ee-1","public_key":'
    '"5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22"}],"not_after":1800000000,'
    '"receipt_signing_keys":[{"algo":"ed25519","key_id":"receipt-1","public_key":'
    '"8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"}],'
    '"subject":"dstack-app://example-app","tls_public_keys":[{"domain":"api.example.com",'
    '"spki_sha256":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"}]}'
)
KEYSET_DIGEST = "53a5cd44b30dcc51999754c719f2628a041f174ecbf9662a6f8e898a10cd9371"

STATEMENT = (
    '{"keyset_digest":"sha256:53a5cd44b30dcc51999754c719f2628a041f174ecbf9662a6f8e898a10cd9371",'
    '"nonce":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
    '"purpose":"aci.report_data.v1"}'
)
REPORT_DATA = "df2174d28130852b413646a3786927b93e94c11d770268b65def8bdba45cb49e"
REPORT_DATA_WITHOUT_NONCE = "0633919ca3f00e97bafaa3304278eb22420cc3ff0d19f87dfca2d3f7508150bc"

SESSION = (
    '{"api_version":"aci/1","channel_binding":[{"origin":"https://upstream.example.com",'
    '"spki_sha256":"d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1",'
    '"type":"tls_spki_sha256"}],"claims":{"extra":{"gpu_arch":"HOPPER","tcb_status":"UpToDate"},'
    '"gpu_attested":{"status":"unknown"},"model_weights_provenance":{"status":"unknown"},'
    '"os_known_good":{"status":"unknown"},"serving_software_known_good":{"status":"unknown"},'
    '"tcb_up_to_date":{"status":"unknown"},"tee_attested":{"reason":"example quote verified",'
    '"source":"hardware_proven","status":"asserted"}},"endpoint":"https://upstream.example.com",'
    '"established_at":1750000000,"evidence":{"data":'
    '"data:text/plain;base64,ZXhhbXBsZS1ldmlkZW5jZQ==","digest":'
    '"sha256:80d70e44d0ae1e829fd5f37c3ee4a60dfbea8d3aa18407ea3f34cf7ec91da34d"},'
    '"expires_at":1750003600,"upstream_name":"demo-upstream","verifier_id":"example/1"}'
)
SESSION_ID = "95ad1cb4dd25445808c2e9d116caf420b05703730b506395e8fc1ca6faeae28f"

SIGNING_INPUT = (
    '{"api_version":"aci/1","chat_id":"chatcmpl-123","endpoint":"/v1/chat/completions",'
    '"event_log":[{"body_hash":'
    '"sha256:94d809bf47380d8a2eab0eb6e126d4dda9364b0b4725cdf7ead52dd70b2aa87b",'
    '"type":"request.received"},{"body_hash":'
    '"sha256:94d809bf47380d8a2eab0eb6e126d4dda9364b0b4725cdf7ead52dd70b2aa87b",'
    '"type":"request.forwarded"},{"model_id":"demo-model","required":true,"result":"verified",'
    '"session_id":"95ad1cb4dd25445808c2e9d116caf420b05703730b506395e8fc1ca6faeae28f",'
    '"type":"upstream.verified"},{"body_hash":'
    '"sha256:dedfffe5b14d031b8e2c01996d021a15293cb7c63b56be7e4be9e89b6f0a5f61",'
    '"type":"response.returned"}],"key_id":"receipt-1","method":"POST","model":"demo-model",'
    '"receipt_id":"rcpt-0001","served_at":1750000000,"workload_keyset_digest":'
    '"sha256:53a5cd44b30dcc51999754c719f2628a041f174ecbf9662a6f8e898a10cd9371"}'
)
SIGNING_INPUT_SHA256 = "1bd328e6880a5a12b3915af95ea32111310e04ab9e21ac3d71ce268e33b965c9"
SIGNATURE = (
    "d5b005e093bde3b577faf270b7184b09e169cacb0ecb206b103bd2581f997db0"
    "3da616175454b063323a23ac1dc68f1ce506c2a6eba8aa0561d5e724f0b80c03"
)

"""Lays a test vector out as files, for `opengradient evidence verify`.

python scripts/vector.py KIND FOLDER [NAME]    NAME is a vector's; by default the first sound one

KIND is gcp, maa, nvidia, nvidia_report, snp or tdx. FOLDER gets document, policy.json, and where the vector has
them runtime_data and collateral.json; the last line says the time at which it is judged.
"""

import base64
import json
import sys
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "tests" / "vectors"


def main() -> int:
    """Write one vector."""
    if not 3 <= len(sys.argv) <= 4:
        print(__doc__)
        return 2
    kind, folder, *names = sys.argv[1:]
    (path,) = VECTORS.rglob(f"{kind}.json")
    content = json.loads(path.read_text())
    vector = next(
        v
        for v in content["vectors"]
        if (v["name"] == names[0] if names else v["expect"] == "accept")
    )
    blobs = content["blobs"]
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / "document").write_bytes(base64.b64decode(blobs[vector["document"]]))
    (out / "policy.json").write_text(json.dumps(content["policies"][vector["policy"]], indent=1))
    if vector.get("runtime_data"):
        (out / "runtime_data").write_bytes(base64.b64decode(blobs[vector["runtime_data"]]))
    if vector.get("collateral"):
        items = {name: blobs[blob] for name, blob in vector["collateral"].items()}
        (out / "collateral.json").write_text(json.dumps(items, indent=1))
    nonce = f" --nonce {vector['nonce']}" if vector.get("nonce") else ""
    print(f"{vector['name']}: must give {vector['expect']}; --at {vector['now_ms']}{nonce}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

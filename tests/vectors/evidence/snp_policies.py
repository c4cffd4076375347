"""What the caller asks: collateral, signers, guests, hosts, firmware, chips, code."""

from dataclasses import replace

from opengradient.core.digests import keccak256
from opengradient.core.snp_tcb import TcbVersion
from opengradient.verify.platforms.snp import SnpTcbMinimum
from opengradient.verify.policy import RequiredRegister, UnsafeAnyMeasurement
from tests.vectors.evidence.snp_book import CODE as LISTED
from tests.vectors.evidence.snp_book import Book
from tests.vectors.evidence.snp_forge import CHIP, LINES, leaf_spec, report_body
from tests.vectors.evidence.snp_reports import u32, u64

GUEST, HOST, FIRMWARE, CHIPS, CODE = "7 guest", "8 host", "9 firmware", "10 chip", "11 code"
BESIDE = "2 collateral"
REGISTERS = {
    "MEASUREMENT": (0x90, 48),
    "HOST_DATA": (0xC0, 32),
    "ID_KEY_DIGEST": (0xE0, 48),
    "AUTHOR_KEY_DIGEST": (0x110, 48),
    "FAMILY_ID": (0x10, 16),
    "IMAGE_ID": (0x20, 16),
    "REPORT_ID": (0x140, 32),
}
BODY = bytes(report_body(LINES["Genoa"], 3, "vcek", bytes(64)))
SOUND = 0x3_0000 | 1 << 8 | 51


def write(book: Book) -> None:
    _collateral(book)
    _guest(book)
    _host(book)
    _firmware(book)
    _chips(book)
    _code(book)


def _collateral(book: Book) -> None:
    for item in ("vcek", "ask"):
        book.case(f"no {item}", "collateral.missing", clause=BESIDE, without=(item,))
    for item in ("vlek", "asvk"):
        title = f"no {item}"
        book.case(title, "collateral.missing", clause=BESIDE, signer="vlek", without=(item,))
    vlek = leaf_spec(LINES["Genoa"], "vlek").build()
    for title, item in (("a VLEK beside a VCEK", "vlek"), ("a root of its own", "ark")):
        book.case(title, "collateral.unknown", clause=BESIDE, beside={item: vlek})
    title = "a VCEK where a VLEK signed"
    book.case(
        title,
        "collateral.unknown",
        clause=BESIDE,
        body={0x48: u32(1 | 1 << 2)},
    )
    for signer, accepted in (("vlek", "vcek"), ("vcek", "vlek")):
        title = f"{signer} where only a {accepted} is accepted"
        settings = {"signers": frozenset({accepted})}
        book.case(title, "snp.signer", clause=BESIDE, signer=signer, settings=settings)


def _guest(book: Book) -> None:
    debug = {0x08: u64(SOUND | 1 << 19)}
    book.case("debug guest", "snp.debug", clause=GUEST, body=debug)
    book.case("debug guest, allowed", clause=GUEST, body=debug, policy={"allow_debug": True})
    title = "multithreading"
    book.case(title, "snp.guest.smt", clause=GUEST, settings={"allow_smt": False})
    body = {0x08: u64(SOUND & ~(1 << 16))}
    book.case("no multithreading", clause=GUEST, settings={"allow_smt": False}, body=body)
    for bit, name in ((18, "migrate_ma"), (21, "cxl")):
        body = {0x08: u64(SOUND | 1 << bit)}
        book.case(f"guest allows {name}", f"snp.guest.{name}", clause=GUEST, body=body)
        settings = {f"allow_{name}": True}
        book.case(f"guest allows {name}, allowed", clause=GUEST, body=body, settings=settings)
    agent = {0x160: bytes(31) + b"\x01"}
    book.case("migration agent", "snp.guest.migration_agent", clause=GUEST, body=agent)
    allowed = {"allow_migrate_ma": True}
    book.case("migration agent, allowed", clause=GUEST, body=agent, settings=allowed)
    settings = {"require_single_socket": True}
    book.case("several sockets", "snp.guest.single_socket", clause=GUEST, settings=settings)
    body = {0x08: u64(SOUND | 1 << 20)}
    book.case("single socket", clause=GUEST, settings=settings, body=body)
    for bit, name in (
        (22, "mem_aes_256_xts"),
        (23, "rapl_disabled"),
        (24, "ciphertext_hiding"),
        (25, "page_swap_disabled"),
    ):
        settings = {"required_guest": frozenset({name})}
        title = f"guest without {name}"
        book.case(title, "snp.guest.demand", clause=GUEST, settings=settings)
        body = {0x08: u64(SOUND | 1 << bit)}
        book.case(f"guest with {name}", clause=GUEST, settings=settings, body=body)
    for settings, code, title in (
        ({"min_abi": (1, 51)}, "accept", "ABI as asked"),
        ({"min_abi": (1, 52)}, "snp.guest.abi", "ABI one minor below"),
        ({"min_abi": (2, 0)}, "snp.guest.abi", "ABI one major below"),
        ({"min_guest_svn": 7}, "accept", "guest's version as asked"),
        ({"min_guest_svn": 8}, "snp.guest.svn", "guest's version one below"),
    ):
        book.case(title, code, clause=GUEST, settings=settings)
    for level in (1, 3):
        body = {0x30: u32(level)}
        book.case(f"asked at level {level}", "snp.vmpl", clause=GUEST, body=body)
    settings = {"vmpls": frozenset({1})}
    book.case("asked at level 1, accepted", clause=GUEST, body={0x30: u32(1)}, settings=settings)
    book.case("asked at level 0, 1 accepted", "snp.vmpl", clause=GUEST, settings=settings)


def _host(book: Book) -> None:
    code = "snp.platform.unknown"
    for bit in (6, 8, 63):
        body = {0x40: u64(0b10_0101 | 1 << bit)}
        book.case(f"host with bit {bit}", code, clause=HOST, body=body)
    settings = {"allow_unknown_platform": True}
    book.case("host with bit 6, allowed", clause=HOST, body={0x40: u64(1 << 6)}, settings=settings)
    for bit, name in (
        (0, "smt"),
        (1, "tsme"),
        (2, "ecc"),
        (3, "rapl_disabled"),
        (4, "ciphertext_hiding"),
        (5, "alias_check_complete"),
        (7, "tio"),
    ):
        present, absent = {0x40: u64(1 << bit)}, {0x40: u64(0xBF & ~(1 << bit))}
        needed, refused = (
            {"required_platform": frozenset({name})},
            {"forbidden_platform": frozenset({name})},
        )
        code = "snp.platform.required"
        book.case(f"host without {name}", code, clause=HOST, settings=needed, body=absent)
        book.case(f"host with {name}", clause=HOST, settings=needed, body=present)
        code = "snp.platform.forbidden"
        book.case(f"host with forbidden {name}", code, clause=HOST, settings=refused, body=present)
        title = f"host without forbidden {name}"
        book.case(title, clause=HOST, settings=refused, body=absent)
    code = "snp.platform.mitigations"
    wanted = {"required_mitigations": 0b100}
    book.case("mitigations as asked", clause=HOST, version=5, settings=wanted)
    for when, offset in (("launch", 0x1F8), ("now", 0x200)):
        title = f"mitigation missing at {when}"
        body = {offset: u64(0b001)}
        book.case(title, code, clause=HOST, version=5, settings=wanted, body=body)
    for bit in (0, 2):
        wanted = {"required_mitigations": 1 << bit}
        book.case(f"no vectors for mitigation {bit}", code, clause=HOST, settings=wanted)


def _firmware(book: Book) -> None:
    for product in LINES:
        tcb, turin = LINES[product].tcb, product == "Turin"
        for offset, what in ((0x38, "current"), (0x1E0, "committed"), (0x1F0, "launch")):
            for place in (4, 6) if turin else (2, 5):
                changed = bytearray(tcb)
                changed[place] = 1
                title = f"{product}: reserved byte {place} of the {what} TCB"
                body = {offset: bytes(changed)}
                book.case(title, "snp.tcb.reserved", clause=FIRMWARE, product=product, body=body)
    title = "Genoa: reserved byte 3 of the reported TCB"
    book.case(title, "snp.tcb.reserved", clause=FIRMWARE, body={0x183: b"\x01"})
    tcb = LINES["Genoa"].tcb
    lower, higher = bytearray(tcb), bytearray(tcb)
    lower[6] -= 1
    higher[7] += 1
    order = "snp.tcb.order"
    book.case("committed below reported", order, clause=FIRMWARE, body={0x1E0: bytes(lower)})
    book.case("committed above current", order, clause=FIRMWARE, body={0x1E0: bytes(higher)})
    book.case("current above committed", clause=FIRMWARE, body={0x38: bytes(higher)})
    body = {0x38: bytes(higher), 0x1E0: bytes(higher)}
    book.case("current above reported", clause=FIRMWARE, body=body)
    book.case("launch above current", clause=FIRMWARE, body={0x1F0: bytes(higher)})
    _minimums(book)


def _minimums(book: Book) -> None:
    have = TcbVersion(bootloader=10, tee=1, snp=23, microcode=84)
    zero = TcbVersion(bootloader=0, tee=0, snp=0, microcode=0)
    for what in ("reported", "committed", "launch"):
        for level in ("bootloader", "tee", "snp", "microcode", "fmc", None):
            need = have if level is None else replace(have, **{level: getattr(have, level) + 1})
            fields = {"reported": zero, "committed": zero, "launch": zero, what: need}
            minimum = SnpTcbMinimum(product="Genoa", **fields)
            title = f"{what} {level or 'levels'} {'below' if level else 'at'} the minimum"
            code = f"snp.tcb.{what}" if level else "accept"
            book.case(title, code, clause=FIRMWARE, settings={"minimums": (minimum,)})
    other = SnpTcbMinimum(
        product="Turin", **dict.fromkeys(("reported", "committed", "launch"), have)
    )
    book.case("minimum of another line", clause=FIRMWARE, settings={"minimums": (other,)})
    turin = TcbVersion(fmc=3, bootloader=2, tee=1, snp=4, microcode=77)
    for level in ("fmc", "bootloader", "tee", "snp", "microcode", None):
        need = turin if level is None else replace(turin, **{level: getattr(turin, level) + 1})
        fields = dict.fromkeys(("reported", "committed", "launch"), need)
        minimum = SnpTcbMinimum(product="Turin", **fields)
        title = f"Turin's {level or 'levels'} {'below' if level else 'at'} the minimum"
        book.case(
            title,
            "snp.tcb.reported" if level else "accept",
            clause=FIRMWARE,
            product="Turin",
            version=5,
            settings={"minimums": (minimum,)},
        )


def _chips(book: Book) -> None:
    hidden = {0x1A0: bytes(64)}
    title, settings = "hidden chip where one must show", {"require_chip_id": True}
    book.case(title, "snp.chip.masked", clause=CHIPS, body=hidden, settings=settings)
    book.case("chip shown", clause=CHIPS, settings=settings)
    listed = {"chips": frozenset({CHIP.hex(), CHIP[:8].hex()})}
    other = {"chips": frozenset({bytes(64).hex(), CHIP[8:16].hex()})}
    nothing = {"chips": frozenset()}
    unknown = "snp.chip.unknown"
    for product in ("Genoa", "Turin"):
        for signer in ("vcek", "vlek"):
            title = f"{product} {signer}: chip"
            book.case(
                f"{title} listed", clause=CHIPS, product=product, signer=signer, settings=listed
            )
            for word, settings in (("not listed", other), ("where none is listed", nothing)):
                book.case(
                    f"{title} {word}",
                    unknown,
                    clause=CHIPS,
                    product=product,
                    signer=signer,
                    settings=settings,
                )
    book.case("hidden chip, VCEK's listed", clause=CHIPS, body=hidden, settings=listed)
    title = "hidden chip under a VLEK where chips are listed"
    book.case(title, unknown, clause=CHIPS, signer="vlek", body=hidden, settings=listed)
    for title, names, code in (
        ("provider listed", {"cloud.test"}, "accept"),
        ("provider not listed", {"other.test", "cloud"}, "snp.csp"),
        ("no provider listed", set(), "snp.csp"),
    ):
        settings = {"csp_ids": frozenset(names)}
        book.case(title, code, clause=CHIPS, signer="vlek", settings=settings)
    settings = {"csp_ids": frozenset({"other.test"})}
    book.case("providers do not concern a VCEK", clause=CHIPS, settings=settings)


def _code(book: Book) -> None:
    other = "0x" + keccak256(BODY[0x90:0xBF]).hex()
    anything = {"measurements": UnsafeAnyMeasurement()}
    book.case("any code", clause=CODE, policy=anything)
    for title, listed in (("not listed", {other}), ("where none is listed", set())):
        policy = {"measurements": frozenset(listed)}
        book.case(f"code {title}", "attestation.measurement", clause=CODE, policy=policy)
    policy = {"revoked_measurements": frozenset({LISTED})}
    book.case("code revoked", "attestation.revoked_measurement", clause=CODE, policy=policy)
    for name, (offset, size) in REGISTERS.items():
        value = BODY[offset : offset + size].hex()
        for title, values, expect in (
            ("as required", {value}, "accept"),
            ("not as required", {value[:-2]}, "attestation.register"),
        ):
            register = RequiredRegister(name=name, values=frozenset(values))
            book.case(f"{name} {title}", expect, clause=CODE, policy={"registers": (register,)})
    register = RequiredRegister(name="PCR8", values=frozenset({"00"}))
    title = "register that a report does not have"
    book.case(title, "attestation.register", clause=CODE, policy={"registers": (register,)})

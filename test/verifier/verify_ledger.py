#!/usr/bin/env python3
"""Verifies an export of a Countersign ledger offline, written from docs/ledger-format.md alone.

    python3 verify_ledger.py EXPORT --root-key root.public.pem [--witness CHECKPOINT] [--single-tenant] [--json]

EXPORT is a file, or - for standard input. Exit code 0: verified, 1: not, 2: wrong usage. It needs Python 3.9 and the
package `cryptography`, reads once, and keeps a version and a hash for each stream, and the frontier of the tree.
"""
import argparse
import base64
import hashlib
import json
import re
import sys
import tempfile
from datetime import datetime
from json.encoder import encode_basestring

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "countersign-export/1"
MAX_DEPTH = 500
MAX_PROBLEMS = 100
HASH = re.compile(r"[0-9a-f]{64}")
UINT = re.compile(r"0|[1-9][0-9]{0,19}")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


# Canonical JSON (RFC 8785)


def parse(line):
    """The object of a line, every number a double. ValueError for what is no JSON object, or names a key twice."""
    try:
        value = decoder.decode(line.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it nests too deep") from error
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    return value


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def distinct(pairs):
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return value


decoder = json.JSONDecoder(parse_int=float, parse_constant=refuse_constant, object_pairs_hook=distinct)


def canonical(value, depth=-1):
    """The RFC 8785 form. ValueError for what has none: a lone surrogate, an infinite number, too many levels."""
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return number(float(value))
    if depth >= MAX_DEPTH:
        raise ValueError("it nests too deep")
    if isinstance(value, list):
        return "[" + ",".join([canonical(item, depth + 1) for item in value]) + "]"
    keys = sorted(value) if "".join(value).isascii() else sorted(value, key=utf16)
    members = [encode_basestring(key) + ":" + canonical(value[key], depth + 1) for key in keys]
    return "{" + ",".join(members) + "}"


def utf16(key):
    """Sorts by UTF-16 code units: there, a character beyond the BMP comes before U+E000 to U+FFFF."""
    return key.encode("utf-16-be", "surrogatepass")


def number(value):
    """As ECMAScript's Number::toString writes it. Python finds the same shortest digits, and sets them otherwise."""
    if value in (float("inf"), float("-inf")):
        raise ValueError("no JSON number is as large")
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number(-value)
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The value is 0.DIGITS * 10^point.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{mantissa}e{point - 1:+d}"


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def digest_of(value):
    """SHA-256 of the canonical form; a lone surrogate has no UTF-8, which UnicodeEncodeError says, a ValueError."""
    return sha256(canonical(value).encode("utf-8"))


# Shapes


def is_text(value):
    return isinstance(value, str)


def is_object(value):
    return isinstance(value, dict)


def is_count(value, least=1):
    return isinstance(value, float) and value.is_integer() and value >= least


def matches(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def nullable(check):
    return lambda value: value is None or check(value)


def is_tx(value):
    return matches(UINT)(value) and int(value) < 2**64


def is_position(value):
    return matches(UINT)(value) and 0 < int(value) < 2**63


def is_time(value):
    return is_text(value) and instant(value) is not None


def instant(text):
    """RFC 3339 as seconds since the epoch; None when it is none."""
    found = TIME.fullmatch(text)
    try:
        moment, fraction, zone = found.groups()
        seconds = datetime.fromisoformat(moment + zone.replace("Z", "+00:00")).timestamp()
        return round(seconds * 1000) + round(float(fraction or 0) * 1000)
    except (AttributeError, ValueError, OverflowError):
        return None


def has_shape(value, shape):
    """Exactly these fields, each of its form: what no hash or signature covers must not stand beside what one does."""
    return is_object(value) and value.keys() == shape.keys() and all(check(value[key]) for key, check in shape.items())


is_hash = matches(HASH)
is_key_id = matches(r"[A-Za-z0-9_-]{43}")
is_signature = matches(r"[A-Za-z0-9_-]{86}")
LEAF = {"kind": is_text, "tx": is_tx, "position": is_position, "hash": is_hash}
EVENT = {
    **LEAF,
    **dict.fromkeys(["category", "stream", "id", "type", "tenant", "time"], is_text),
    **dict.fromkeys(["version", "schemaVersion"], is_count),
    **dict.fromkeys(["actor", "data", "meta"], is_object),
}
END = {"kind": is_text, "events": lambda value: is_count(value, 0), "leaves": lambda value: is_count(value, 0)}
HEADER = {
    **dict.fromkeys(["kind", "tenant", "exportedAt"], is_text),
    "format": matches(re.escape(FORMAT)),
    "scope": matches("ledger|stream"),
    "stream": nullable(is_text),
}
CHECKPOINT = {
    "sequence": is_count,
    "size": lambda value: is_count(value, 0),
    "root": is_hash,
    "upTo": nullable(lambda value: has_shape(value, {"tx": is_tx, "position": is_position})),
    "previous": nullable(is_hash),
    "signedAt": is_time,
    "keyId": is_key_id,
    "signature": is_signature,
}
SIGNING_KEY = {
    "keyId": is_key_id,
    "purpose": matches("warrant|checkpoint"),
    "algorithm": matches("Ed25519"),
    "publicKey": matches(r"[A-Za-z0-9_-]{43}"),
    "notBefore": is_time,
    "notAfter": nullable(is_time),
    "rootKeyId": is_key_id,
    "rootSignature": is_signature,
}


# Keys and signatures


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("it is not written as base64url writes it")
    return data


def thumbprint(public_key):
    """RFC 7638, of the 32 raw bytes in base64url."""
    return base64url(digest_of({"crv": "Ed25519", "kty": "OKP", "x": public_key}))


def is_signed(signed, field, key):
    """Whether the text in `field` is the Ed25519 signature of `key` over the canonical form of all other fields."""
    unsigned = {name: value for name, value in signed.items() if name != field}
    try:
        key.verify(from_base64url(signed[field]), canonical(unsigned).encode("utf-8"))
        return True
    except (InvalidSignature, ValueError):
        return False


class Keys:
    """The signing keys that the root vouches for, as far as the export has published them."""

    def __init__(self, root):
        self.root = root
        self.root_id = thumbprint(base64url(root.public_bytes(Encoding.Raw, PublicFormat.Raw)))
        self.held = {}

    def learn(self, published):
        """Takes a key in. ValueError when the root does not vouch for it."""
        if not has_shape(published, SIGNING_KEY):
            raise ValueError("it is not a signing key")
        if published["rootKeyId"] != self.root_id:
            raise ValueError(f"the pinned root is another one than {published['rootKeyId']}")
        if published["keyId"] != thumbprint(published["publicKey"]):
            raise ValueError("its id is not the thumbprint of the public key")
        if not is_signed(published, "rootSignature", self.root):
            raise ValueError("the pinned root has not signed it")
        key = Ed25519PublicKey.from_public_bytes(from_base64url(published["publicKey"]))
        purpose, begin = published["purpose"], instant(published["notBefore"])
        end = float("inf") if published["notAfter"] is None else instant(published["notAfter"])
        before = self.held.get(published["keyId"], (key, purpose, begin, end))
        if before[1] == purpose:
            self.held[published["keyId"]] = (key, purpose, max(begin, before[2]), min(end, before[3]))

    def problem(self, checkpoint):
        """Why the checkpoint's signature is worth nothing; None when it holds."""
        key_id, signed_at = checkpoint["keyId"], checkpoint["signedAt"]
        key, purpose, begin, end = self.held.get(key_id, (None, None, 0, 0))
        if purpose != "checkpoint" or not begin <= instant(signed_at) < end:
            return f"no key {key_id} under the pinned root may sign checkpoints at {signed_at}"
        return None if is_signed(checkpoint, "signature", key) else f"its signature is not that of key {key_id}"


# The Merkle tree (RFC 6962)


class Tree:
    """Growing to the right; kept are the roots of the full subtrees, one for each 1 bit of the size."""

    def __init__(self):
        self.size = 0
        self.nodes = []

    def append(self, leaf_hash):
        node, size = leaf_hash, self.size
        while size % 2 == 1:
            node = sha256(b"\x01", self.nodes.pop(), node)
            size //= 2
        self.nodes.append(node)
        self.size += 1

    def root(self):
        if not self.nodes:
            return sha256().hex()
        node = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            node = sha256(b"\x01", left, node)
        return node.hex()


class Window:
    """Leaves that no checkpoint has covered yet, oldest first: in memory while they are few, else in a file."""

    RECORD = 49

    def __init__(self):
        self.file = tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024)
        self.taken = self.pushed = 0
        self.uncovered = 0

    def __len__(self):
        return self.pushed - self.taken

    def push(self, leaf, counts):
        """`counts` is false for the checkpoints' own events, which the next checkpoint covers."""
        self.file.write(leaf + bytes([counts]))
        self.pushed += 1
        self.uncovered += counts

    def move_into(self, tree, count):
        """Moves the oldest `count` leaves into `tree`. Returns the last of them; None for none."""
        leaf = None
        self.file.seek(self.taken * self.RECORD)
        for _ in range(count):
            record = self.file.read(self.RECORD)
            leaf = record[:48]
            tree.append(sha256(b"\x00", leaf))
            self.taken += 1
            self.uncovered -= record[48]
        self.keep_rest()
        return leaf

    def keep_rest(self):
        """Begins the file anew with what is left, so that it does not grow with the ledger."""
        rest = self.file.read() if len(self) < 10_000 else None
        if rest is None:
            self.file.seek(0, 2)
            return
        self.file.seek(0)
        self.file.truncate()
        self.file.write(rest)
        self.pushed, self.taken = len(self), 0


# The export


class Verifier:
    def __init__(self, keys, witness, single_tenant, header):
        self.keys, self.witness, self.single_tenant, self.header = keys, witness, single_tenant, header
        self.is_stream = header["scope"] == "stream"
        self.heads, self.last = {}, None
        self.tree, self.window, self.covered_to = Tree(), Window(), None
        self.whole, self.witness_root, self.has_witness = Tree(), None, False
        self.chain_faults, self.problems = [], []
        self.fault_count = self.problem_count = 0
        self.events = self.leaves = self.checkpoints = 0
        self.latest = self.good = self.end = None
        if witness and witness["size"] == 0:
            self.witness_root = self.whole.root()

    def problem(self, kind, reason, **where):
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append({"kind": kind, "reason": reason, **where})

    def chain_fault(self, kind, event, reason):
        self.fault_count += 1
        if len(self.chain_faults) < MAX_PROBLEMS:
            where = {"stream": event["stream"], "version": int(event["version"])}
            self.chain_faults.append({"kind": kind, **where, "reason": reason})

    def add_line(self, line, at):
        try:
            value = parse(line)
        except ValueError as error:
            return self.problem("unreadable_line", str(error), line=at)
        kind = value.get("kind")
        if self.end is not None:
            self.problem("unreadable_line", "comes after the end", line=at)
        elif kind == "event" and has_shape(value, EVENT):
            self.add_event(value, at)
        elif kind == "leaf" and has_shape(value, LEAF):
            self.add_leaf(value, at)
        elif kind == "end" and has_shape(value, END):
            self.end = (value["events"], value["leaves"])
        else:
            self.problem("unreadable_line", "is no event, leaf or end", line=at)

    def add_event(self, event, at):
        self.events += 1
        self.check_chain(event)
        where = {"stream": event["stream"], "version": int(event["version"])}
        self.grow(event, event["category"] != "checkpoint", where)
        if self.is_stream:
            if event["stream"] != self.header["stream"]:
                self.problem("unreadable_line", f"is not of the stream {self.header['stream']}", line=at)
        elif event["category"] == "checkpoint" and event["stream"] == "checkpoint-keys":
            if event["type"] == "SigningKeyPublished":
                self.learn(event["data"], where)
        elif event["category"] == "checkpoint" and event["stream"] == "checkpoint-log":
            if event["type"] == "CheckpointSigned":
                self.check_checkpoint(event["data"], where)

    def add_leaf(self, leaf, at):
        self.leaves += 1
        self.grow(leaf, True, {})
        if self.is_stream:
            self.problem("unreadable_line", f"is not of the stream {self.header['stream']}", line=at)
        elif self.single_tenant:
            self.problem("hidden_event", "an event is hidden, and there is one tenant only", line=at)

    def check_chain(self, event):
        key, version = (event["category"], event["stream"]), int(event["version"])
        last_version, last_hash = self.heads.get(key, (0, ""))
        if version <= last_version:
            return self.chain_fault("repeated_version", event, "this version came before")
        if version > last_version + 1:
            reason = f"versions {last_version + 1} to {version - 1} are missing"
            self.chain_fault("missing_versions", event, reason)
        elif self.hash_of(event, last_hash) != event["hash"]:
            self.chain_fault("hash_mismatch", event, "its hash does not fit its content and the event before it")
        self.heads[key] = (version, event["hash"])

    def hash_of(self, event, previous_hash):
        hashed = {name: value for name, value in event.items() if name not in LEAF}
        try:
            return digest_of({**hashed, "previousHash": previous_hash}).hex()
        except ValueError:
            return None

    def grow(self, place, counts, where):
        at = (int(place["tx"]), int(place["position"]))
        if self.last is not None and at <= self.last:
            self.problem("out_of_order", f"{at} comes after {self.last}", **where)
        self.last = at
        if self.is_stream:
            return
        leaf = at[0].to_bytes(8, "big") + at[1].to_bytes(8, "big") + bytes.fromhex(place["hash"])
        self.window.push(leaf, counts)
        if self.witness and self.whole.size < self.witness["size"]:
            self.whole.append(sha256(b"\x00", leaf))
            if self.whole.size == self.witness["size"]:
                self.witness_root = self.whole.root()

    def learn(self, published, where):
        try:
            self.keys.learn(published)
        except ValueError as error:
            self.problem("key_invalid", str(error), **where)

    def check_checkpoint(self, checkpoint, where):
        self.checkpoints += 1
        if not has_shape(checkpoint, CHECKPOINT):
            return self.problem("checkpoint_invalid", "it is not a checkpoint", **where)
        before, self.latest = self.latest, checkpoint
        self.has_witness = self.has_witness or checkpoint == self.witness
        found = self.problem_count
        sequence, follows = int(checkpoint["sequence"]), int(before["sequence"]) if before else 0
        where = {**where, "sequence": sequence}
        if sequence != follows + 1:
            self.problem("checkpoint_chain", f"checkpoint {sequence} follows checkpoint {follows}", **where)
        elif checkpoint["previous"] != (digest_of(before).hex() if before else None):
            reason = f"checkpoint {sequence} names another one as the one before it"
            self.problem("checkpoint_chain", reason, **where)
        unsigned = self.keys.problem(checkpoint)
        if unsigned:
            self.problem("checkpoint_signature", unsigned, **where)
        self.check_tree(checkpoint, where)
        if self.problem_count == found:
            self.good = checkpoint

    def check_tree(self, checkpoint, where):
        size = int(checkpoint["size"])
        # Its own event has been pushed already, and is never covered by itself.
        there = self.tree.size + len(self.window) - 1
        if not self.tree.size <= size <= there:
            return self.problem("checkpoint_size", f"it covers {size} events, of which {there} are there", **where)
        leaf = self.window.move_into(self.tree, size - self.tree.size)
        if leaf:
            place = (int.from_bytes(leaf[:8], "big"), int.from_bytes(leaf[8:16], "big"))
            self.covered_to = {"tx": str(place[0]), "position": str(place[1])}
        if checkpoint["upTo"] != self.covered_to:
            self.problem("checkpoint_root", f"its last event is another one than {self.covered_to}", **where)
        if checkpoint["root"] != self.tree.root():
            reason = f"the {size} events that it covers are not those that were signed"
            self.problem("checkpoint_root", reason, **where)

    def finish(self, at):
        if self.end is None:
            self.problem("tail_missing", "the export broke off: its end is missing", line=at)
        elif self.end != (self.events, self.leaves):
            reason = f"it announces {int(self.end[0])} events and {int(self.end[1])} leaves, and holds {self.events} and {self.leaves}"
            self.problem("tail_missing", reason)
        judged = self.judge_witness() if self.witness else None
        return self.report(judged)

    def judge_witness(self):
        sequence, size, there = int(self.witness["sequence"]), int(self.witness["size"]), self.events + self.leaves
        unsigned = self.keys.problem(self.witness)
        if self.is_stream:
            fault = ("witness_missing", "an export of one stream holds no checkpoint")
        elif unsigned:
            fault = ("witness_signature", unsigned)
        elif self.witness_root is None:
            reason = f"the witness covers {size} events, of which {there} are there: the end was cut off, or the export is older"
            fault = ("witness_size", reason)
        elif self.witness_root != self.witness["root"]:
            fault = ("witness_root", f"the first {size} events are not those that the witness has signed")
        elif not self.has_witness:
            fault = ("witness_missing", f"checkpoint {sequence}, the witness, is not in the export: it was removed, or the export is older")
        else:
            return "agrees"
        self.problem(*fault, sequence=sequence)
        return "contradicts"

    def report(self, witness):
        faults = self.fault_count + self.problem_count
        uncovered = self.events if self.is_stream else self.window.uncovered
        enough = self.events > 0 if self.is_stream else self.good is not None and uncovered == 0
        return {
            "verified": faults == 0 and enough,
            "summary": self.summary(faults, uncovered, witness),
            "events": self.events,
            "leaves": self.leaves,
            "streams": len(self.heads),
            "chains": self.chain_faults or "ok",
            "problems": self.problems,
            "problemCount": faults,
            "checkpoints": self.checkpoints,
            "coveredEvents": int(self.good["size"]) if self.good else 0,
            "uncoveredEvents": uncovered,
            "lastCheckpoint": self.good and {name: plain(value) for name, value in self.good.items()},
            "witness": witness,
        }

    def summary(self, faults, uncovered, witness):
        if faults:
            return f"{counted(faults, 'problem')} found: this is not what was recorded."
        if self.is_stream:
            return f"The chain of {counted(self.events, 'event')} holds; one stream alone says nothing of its end."
        if not self.good:
            return "All chains hold; no signed checkpoint says up to where the ledger is complete."
        text = f"Complete to checkpoint {int(self.good['sequence'])}, signed at {self.good['signedAt']}"
        if witness:
            text += f", and the witness (checkpoint {int(self.witness['sequence'])}) agrees"
        if uncovered:
            text += f"; {counted(uncovered, 'event')} after it in no checkpoint yet"
        if self.leaves:
            text += f"; {counted(self.leaves, 'event')} of other tenants known by the hash alone"
        return text + "."


def counted(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"


def plain(value):
    return int(value) if isinstance(value, float) else value


def verify(export, keys, witness=None, single_tenant=False):
    """The report on a binary stream of NDJSON. ValueError when it is no export at all."""
    verifier, at = None, 0
    for at, line in enumerate(export, 1):
        if line == b"\n":
            continue
        if verifier:
            verifier.add_line(line, at)
            continue
        try:
            header = parse(line)
        except ValueError:
            header = None
        if not has_shape(header, HEADER) or header["kind"] != "export":
            break
        verifier = Verifier(keys, witness, single_tenant, header)
    if not verifier:
        raise ValueError(f"line {max(at, 1)} is not the header of a {FORMAT}")
    return verifier.finish(at)


def describe(report):
    """For people. What comes out of the export is written in ASCII: it must not command the reader's terminal."""
    faults = ([] if report["chains"] == "ok" else report["chains"]) + report["problems"]
    names = ["events", "leaves", "streams", "checkpoints", "coveredEvents", "uncoveredEvents", "witness"]
    lines = [report["summary"], *(f"  {name}: {report[name]}" for name in names if report[name] is not None)]
    lines += [json.dumps(fault) for fault in faults]
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description="Verifies an export of a Countersign ledger.")
    parser.add_argument("export", help="a file, or - for standard input")
    parser.add_argument("--root-key", required=True, help="the root's public key (PEM), kept outside")
    parser.add_argument("--witness", help="a later checkpoint that was kept elsewhere (JSON)")
    parser.add_argument("--single-tenant", action="store_true", help="an event that is shown as a leaf is a hidden one")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    return parser


def read_witness(path):
    """The checkpoint of a file, or the last whole one where they stand one a line."""
    with open(path, "rb") as file:
        content = file.read()
    for text in [content, *reversed(content.split(b"\n"))]:
        try:
            witness = parse(text)
        except ValueError:
            continue
        if has_shape(witness, CHECKPOINT):
            return witness
        break
    raise ValueError("it is not a signed checkpoint")


def read_root_key(path):
    with open(path, "rb") as file:
        key = load_pem_public_key(file.read())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is not an Ed25519 key")
    return key


def main():
    # The deepest value that the ledger holds takes two frames a level.
    sys.setrecursionlimit(4 * MAX_DEPTH)
    parser = arguments()
    options = parser.parse_args()
    try:
        keys = Keys(read_root_key(options.root_key))
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        parser.error(f"--root-key {options.root_key}: {error}")
    try:
        witness = read_witness(options.witness) if options.witness else None
    except (OSError, ValueError) as error:
        parser.error(f"--witness {options.witness}: {error}")
    try:
        export = sys.stdin.buffer if options.export == "-" else open(options.export, "rb")
    except OSError as error:
        parser.error(str(error))
    with export:
        try:
            report = verify(export, keys, witness, options.single_tenant)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
    print(json.dumps(report) if options.json else describe(report).encode("ascii", "backslashreplace").decode("ascii"))
    return 0 if report["verified"] else 1


if __name__ == "__main__":
    sys.exit(main())

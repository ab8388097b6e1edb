"""What read.py stands on: CBOR, signatures, Merkle proofs and notes, each from its standard."""
import base64, hashlib, os, subprocess, tempfile

HALF_ORDER = 0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8  # of P-256
SPKI = {2: "3059301306072a8648ce3d020106082a8648ce3d03010703420004", 1: "302a300506032b6570032100",
        3: "30820122300d06092a864886f70d01010105000382010f003082010a0282010100"}
EXPONENT = bytes.fromhex("010001")
progress = {"checks": 0, "place": "the input"}

def check(place, *facts):  # counts what holds; ends at the first that does not
    progress["place"] = place
    for i, fact in enumerate(facts, 1):
        if not fact: raise ValueError(f"check {i} of {len(facts)} here fails")
        progress["checks"] += 1

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def number(b):
    return int.from_bytes(b, "big")

def cbor(b):  # deterministic CBOR (RFC 8949 section 4.2.1) that fills its bytes
    value, end = cbor_item(b, 0, 8)
    if end != len(b): raise ValueError("bytes behind the end")
    return value

def cbor_item(b, at, depth):
    major, n, at = b[at] >> 5, b[at] & 31, at + 1
    if n > 23:
        size, least = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}[n]
        n, at = number(b[at:at + size]), at + size
        if n < least: raise ValueError("not the shortest form")
    if major < 2: return (-1 - n if major else n), at
    if major < 4:
        if at + n > len(b): raise ValueError("cut short")
        return (b[at:at + n].decode() if major == 3 else b[at:at + n]), at + n
    if major == 6 and n == 42: return cbor_item(b, at, depth)  # the name of a parent vertex
    if major == 7 and 20 <= n <= 22: return (False, True, None)[n - 20], at
    if major > 5 or depth == 0: raise ValueError("a tag, a float, or nested too deep")
    values, pairs, last = [], {}, b""
    for _ in range(n):
        start, (value, at) = at, cbor_item(b, at, depth - 1)
        values.append(value)
        if major == 5:
            if b[start:at] <= last: raise ValueError("keys out of order")
            last, (pairs[value], at) = b[start:at], cbor_item(b, at, depth - 1)
    return (values if major == 4 else pairs), at

def cbor_bytes(b):  # a byte string in CBOR
    n = len(b)
    head = [0x40 + n] if n < 24 else [0x58, n] if n < 256 else [0x59, *divmod(n, 256)]
    return bytes(head) + b

def is_signed(key, algorithm, signed, signature):  # by a COSE_Key; openssl does the mathematics
    if (key[1], algorithm) == (2, -7):  # ES256 with low s, to DER
        r, s = number(signature[:32]), number(signature[32:])
        if len(signature) != 64 or s > HALF_ORDER: return False
        halves = [n.to_bytes(n.bit_length() // 8 + 1, "big") for n in (r, s)]
        signature = b"".join(bytes([2, len(half)]) + half for half in halves)
        signature = bytes([0x30, len(signature)]) + signature
        options = ["dgst", "-sha256", "-verify", "key", "-signature", "signature", "message"]
    elif (key[1], algorithm) == (1, -8):  # Ed25519
        options = "pkeyutl -verify -pubin -inkey key -rawin -sigfile signature -in message".split()
    elif (key[1], algorithm) == (3, -37):  # PS256: RSA-2048, 65537, a salt of 32 bytes
        n = key[-1]
        if len(n) != 256 or n[0] < 128 or n[255] % 2 == 0 or key[-2] != EXPONENT: return False
        options = "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32".split()
        options += ["-verify", "key", "-signature", "signature", "message"]
    else: raise ValueError("a signature that is neither ES256, PS256 nor EdDSA")
    point = key[-1] + b"\2\3" + EXPONENT if key[1] == 3 else key[-2] + key.get(-3, b"")
    spki = base64.encodebytes(bytes.fromhex(SPKI[key[1]]) + point)
    pem = b"-----BEGIN PUBLIC KEY-----\n" + spki + b"-----END PUBLIC KEY-----\n"
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("key", pem), ("signature", signature), ("message", signed)):
            with open(os.path.join(folder, name), "wb") as file: file.write(data)
        run = subprocess.run(["openssl", *options], cwd=folder, capture_output=True)
        return run.returncode == 0

def is_in_tree(data, index, path, size, root):  # inclusion proof (RFC 9162 section 2.1.3.2)
    if type(index) is not int or not 0 <= index < size or type(path) is not list: return False
    node, last = sha(b"\0", data), size - 1
    for sibling in path:
        if last == 0 or len(sibling) != 32: return False
        left = index & 1 or index == last
        node = sha(b"\1", sibling, node) if left else sha(b"\1", node, sibling)
        while left and not index & 1: index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return last == 0 and node == root

def checkpoint(note, origin, key):  # C2SP signed note: size and root of the log, or None
    body, lines = note.rsplit("\n\n", 1)
    key_id, valid = sha(origin.encode(), b"\n\1", key[-2])[:4], []
    for line in lines.split("\n")[:-1]:
        dash, name, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        if dash != "\u2014" or base64.b64encode(raw).decode() != encoded: return None
        if (name, raw[:4]) == (origin, key_id):
            valid.append(is_signed(key, -8, f"{body}\n".encode(), raw[4:]))
    named, size, root = body.split("\n")[:3]
    sound = valid and all(valid) and lines[-1] == "\n" and named == origin
    return (int(size), base64.b64decode(root)) if sound else None

"""Opens sealed registers: key trees from the household's master secret, AES by openssl."""
import base64, hmac, subprocess
from collections import namedtuple

from primitives import check, number, sha

Boundary = namedtuple("Boundary", "slot level index flag values")
TREE_DEPTH = (32, 24, 18, 14)  # key trees of slots, hours, days and months
NAMED = ("stream", "sealEpoch", "slotSeconds", "groups", "scale")

def boundaries(records, key):  # of the usage records, with their values: sealed, or plain registers
    series = []
    for n, record in enumerate(records, 1):
        if record[0] != 4: continue
        u, flags = record[3], {}
        named = [u[0].hex(), u[1], u[2], u[5], u.get(10, 0)]
        check(f"record {n}, its stream", named == [key[name] for name in NAMED])
        for offset, length, flag in u.get(8, []):
            flags.update(dict.fromkeys(range(offset, offset + length), flag))
        named = {offset: address for offset, *address in u.get(7, [])}
        values = u[12] if 12 in u else [number(u[6][i:i + 8]) for i in range(0, len(u[6]), 8)]
        width, last = len(u[5]) + (15 in u[5]), u[3] + u[4] - 1
        check(f"record {n}, its registers", len(values) == width * u[4], (12 in u) != (6 in u))
        check(f"record {n}, its dates", 946_684_800 + last * u[2] <= record[2],
              not series or u[3] > series[-1].slot)
        for i in range(u[4]):
            level, index = address(u, u[3] + i, *named.get(i, []))
            row = values[i * width:(i + 1) * width]
            series.append(Boundary(u[3] + i, level, index, flags.get(i, 0), row))
    return series

def address(u, slot, level=None, index=None):  # the default where the record does not say otherwise
    unix = 946_684_800 + slot * u[2]
    if level is None: level = int(unix % 3600 == u.get(13, 0))
    return level, [slot, unix // 3600, index, index][level]

def open_group(series, key, group):  # a group of one channel: R = P + k - rho mod 2^64
    column = key["groups"].index(group)
    if key["master"] is None: return [b.values[column] for b in series]
    stream, master = bytes.fromhex(key["stream"]), base64.b64decode(key["master"])
    context = bytes([key["suite"]]) + key["sealEpoch"].to_bytes(4, "big") + bytes([group])
    rho = number(hkdf(master, stream, b"meterseal/v1/rho" + context + b"\0", 8)) >> 3
    keys = {}
    for level in {b.level for b in series}:
        tree = context + bytes([level])
        root = hkdf(master, stream, b"meterseal/v1/tree" + tree, 16)
        public = sha(b"meterseal/v1/aes", stream, tree)[:16]
        leaves = {b.index for b in series if b.level == level}
        keys.update({(level, n): k for n, k in tree_keys(root, public, level, leaves).items()})
    return [(b.values[column] + keys[b.level, b.index] - rho) % 2**64 for b in series]

def hkdf(master, salt, info, length):  # HKDF-SHA256 (RFC 5869), one block
    return hmac.digest(hmac.digest(salt, master, "sha256"), info + b"\1", "sha256")[:length]

def tree_keys(root, public, level, leaves):  # 64-bit key of each leaf: one call for each level
    nodes = {0: root}
    for below in reversed(range(TREE_DEPTH[level])):
        wanted = {leaf >> below for leaf in leaves}
        nodes = hash_nodes(public, {n: (nodes[n >> 1], n & 1) for n in wanted})
    blocks = hash_nodes(public, {leaf: (node, 2) for leaf, node in nodes.items()})
    return {leaf: number(block[:8]) for leaf, block in blocks.items()}

def hash_nodes(public, nodes):  # AES128(x) xor x for each x = node xor tweak; secrets go by pipe
    command = ["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", public.hex()]
    data = b"".join(node[:15] + bytes([node[15] ^ tweak]) for node, tweak in nodes.values())
    out = subprocess.run(command, input=data, capture_output=True, check=True).stdout
    out = (number(out) ^ number(data)).to_bytes(len(data), "big")
    return {place: out[16 * i:16 * i + 16] for i, place in enumerate(nodes)}

"""Checks records and proofs of Meterseal without any code of it; see README.md."""
from collections import namedtuple

from primitives import cbor, cbor_bytes, check, checkpoint, is_in_tree, is_signed, progress, sha

Message = namedtuple("Message", "content kid algorithm signed signature")

def message(place, raw, *kinds):  # COSE_Sign1 (RFC 9052 section 4.2); SHA-256 of `signed` names it
    check(place, raw[0] == 0xD2)
    protected, unprotected, payload, signature = cbor(raw[1:])
    header = cbor(protected)
    check(place, unprotected == {}, header.keys() == {1, 4, 16}, header[16] in kinds)
    parts = b"".join(map(cbor_bytes, (protected, header[16].encode(), payload)))
    return Message(cbor(payload), header[4], header[1], b"\x84\x6aSignature1" + parts, signature)

def verify(evidence, subject, network):  # all from the network id up; returns the records
    check("evidence", evidence.keys() == {0, 1, 2, 3, 4}, len(evidence[4]) > 0)
    check("genesis", sha(evidence[0]) == network)
    genesis = cbor(evidence[0])
    progress["place"] = "checkpoint"
    head = checkpoint(evidence[1], "meterseal/" + network.hex(), cbor(genesis[2]))
    check("checkpoint", head)
    signers, vertices, records, before = {}, [], [], (-1, 0, b"")
    for index, entry, path in evidence[2]:
        place = f"enrolment at leaf {index}"
        check(place, is_in_tree(entry, index, path, *head))
        m = message(place, cbor(entry)[1], "meterseal/enrol/v1", "meterseal/enrol/v2")
        check(place, m.content[0] == network, m.kid == sha(genesis[1])[:8],
              is_signed(cbor(genesis[1]), *m[2:]))
        signers[sha(m.content[3])[:8]] = m.content, cbor(m.content[3]), sha(m.signed)
    for index, entry, path in evidence[3]:
        place = f"vertex at leaf {index}"
        check(place, is_in_tree(entry, index, path, *head))
        m = message(place, cbor(entry)[1], "meterseal/vertex/v1")
        header, (author, key, _) = m.content, signers[m.kid]
        check(place, header["v"] == 1, header["net"] == network, author[1] == 3,
              author[2] == header["author"], is_signed(key, *m[2:]))
        vertices.append((header["count"], header["root"], cbor(entry)[0]))
    for n, (raw, vertex, position, path) in enumerate(evidence[4], 1):
        place = f"record {n}"
        m = message(place, raw, "meterseal/record/v2")
        record, (owner, key, anchor) = m.content, signers[m.kid]
        check(place, owner[1] < 3, owner[2] == subject == record[8], is_signed(key, *m[2:]))
        check(f"{place}, its vertex", type(vertex) is int, vertex >= 0)
        count, root, accepted_ms = vertices[vertex]
        check(f"{place}, its vertex", is_in_tree(raw, position, path, count, root))
        check(f"{place}, its date", record[2] * 1000 <= accepted_ms + 900_000)
        epoch, seq, prev = record[4], record[1], record[5]
        place += ", its chain"
        if epoch == before[0]:
            check(place, seq == before[1] + 1, prev == before[2])
        else:  # the first of a chain epoch names its enrolment; a later epoch also what it ends
            check(place, epoch > before[0], epoch >= owner[5], seq == 1, prev == anchor)
            ended = before if before[0] == epoch - 1 else (epoch - 1, 0, anchor)
            if epoch > owner[5]: check(place, record[0] == 7, record[3] == dict(enumerate(ended)))
        before = (epoch, seq, sha(m.signed))
        records.append(record)
    return head, records

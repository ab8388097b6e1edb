"""Verifies what a household, provider or monitor said, without any code of Meterseal; see README.md."""
import base64, json, sys, urllib.request
from datetime import datetime, timezone

sys.dont_write_bytecode = True
from primitives import cbor, check, checkpoint, is_in_tree, is_signed, progress, sha
from verify import message

KINDS = {1: "grant", 2: "revocation", 3: "policy", 4: "override", 5: "cohort"}
ROLES = {1: "household", 2: "provider", 3: "monitor"}

def entry(place, proof, origin, log_key):  # C2SP tlog-proof whose extra data are the entry itself
    lines, note = proof.split("\n\n", 1)
    version, extra, index, *path = lines.split("\n")
    check(place, version == "c2sp.org/tlog-proof@v1", extra[:6] == "extra ", index[:6] == "index ")
    data, path = base64.b64decode(extra[6:]), [base64.b64decode(line) for line in path]
    head = checkpoint(note, origin, log_key)
    check(f"{place}, its proof", head, is_in_tree(data, int(index[6:]), path, *head))
    time_ms, item = cbor(data)
    return int(index[6:]), time_ms, item

def verify(answer, party_proof, notice_proof):  # all from the network id up
    genesis, network = base64.b64decode(answer["genesis"]), bytes.fromhex(answer["network"])
    check("genesis", answer["format"] == "meterseal-party/v1", sha(genesis) == network)
    origin, keys = "meterseal/" + network.hex(), cbor(genesis)
    admitted, _, item = entry("party", party_proof, origin, cbor(keys[2]))
    m = message("party", item, "meterseal/party/v1")
    check("party", m.content[0] == network, m.kid == sha(keys[1])[:8], is_signed(cbor(keys[1]), *m[2:]))
    party = m.content
    leaf, time_ms, item = entry("notice", notice_proof, origin, cbor(keys[2]))
    m = message("notice", item, "meterseal/notice/v1")
    notice = m.content
    check("notice", notice[0] == network, notice[1] == party[2], m.kid == sha(party[3])[:8],
          is_signed(cbor(party[3]), *m[2:]), leaf > admitted, notice[2] * 1000 <= time_ms + 900_000,
          party[1] == (3 if notice[3] == 5 else 1))
    return party, notice, leaf

def ask(url, path):
    return urllib.request.urlopen(f"{url.rstrip('/')}/api/v1/{path}").read().decode()

def main(answer_path, source, name):
    try:
        answer = json.load(open(answer_path, encoding="utf-8"))
        if source.startswith("http"):  # the notice's hash; who said it is in the notice
            notice_proof = ask(source, f"notices/{name}/proof")
            raw = urllib.request.urlopen(f"{source.rstrip('/')}/api/v1/notices/{name}").read()
            who = message("notice", raw, "meterseal/notice/v1").content[1].hex()
            party_proof = ask(source, f"notices/{json.loads(ask(source, f'parties/{who}'))['hash']}/proof")
        else: party_proof, notice_proof = (open(path, encoding="utf-8").read() for path in (source, name))
        party, notice, leaf = verify(answer, party_proof, notice_proof)
        topic = sha(notice[4]) if notice[3] == 5 else notice[4][0] if notice[3] == 4 else notice[4]
    except Exception as fault:
        print(f"FAULT at {progress['place']}: {type(fault).__name__}: {fault}")
        return 1
    time = datetime.fromtimestamp(notice[2], timezone.utc).isoformat()
    print(f"Everything holds: {progress['checks']} checks.")
    print(f"{ROLES[party[1]]} {party[2].hex()} {party.get(8, '')}: {KINDS[notice[3]]} {topic.hex()}")
    print(f"at {time}, leaf {leaf} of the log")
    return 0

if __name__ == "__main__":
    if len(sys.argv) != 4:
        print("usage: python3 notices.py PARTY.json PARTY-PROOF NOTICE-PROOF | PARTY.json URL HASH", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))

"""Verifies and opens a household's evidence without any code of Meterseal; see README.md."""
import json, sys, urllib.request
from datetime import date, datetime, timedelta, timezone

sys.dont_write_bytecode = True
from primitives import cbor, check, progress
from registers import boundaries, open_group
from verify import verify

def report(series, key):  # whole Wh between the boundaries of civil days
    factor, columns = 10 ** abs(key["scale"]), {}
    for group, name in ((0, "import"), (1, "export")):
        if group not in key["groups"]: continue
        progress["place"] = f"{name} register"
        opened = open_group(series, key, group)
        check(progress["place"], opened == sorted(opened), opened[-1] < 2**61)
        columns[name] = [r // factor if key["scale"] < 0 else r * factor for r in opened]
        yield f"total {name} {columns[name][-1] - columns[name][0]} Wh"
    cuts = [i for i, b in enumerate(series) if b.level >= 2 or i in (0, len(series) - 1)]
    for start, end in zip(cuts, cuts[1:]):
        b, days = series[start], timedelta(series[start].index)
        day = (date(2000, 1, 1) + days if b.level == 2 else
               date(2000 + b.index // 12, b.index % 12 + 1, 1) if b.level == 3 else
               datetime.fromtimestamp(946_684_800 + b.slot * key["slotSeconds"], timezone.utc))
        missing = sum(b.flag in (1, 2) for b in series[start + 1:end + 1])
        amounts = [f"{name} {column[end] - column[start]} Wh" for name, column in columns.items()]
        yield "  ".join([str(day), *amounts] + [f"{missing} intervals missing"] * (missing > 0))

def main(source, key_path):
    try:
        key = json.load(open(key_path, encoding="utf-8"))
        if source.startswith("http"):
            source = f"{source.rstrip('/')}/api/v1/meters/{key['meter']}/evidence"
            data = urllib.request.urlopen(source).read()
        else: data = open(source, "rb").read()
        check("key file", key["format"] == "meterseal-key/v1", key["suite"] == 1)
        subject, network = bytes.fromhex(key["meter"]), bytes.fromhex(key["network"])
        progress["place"] = "evidence"
        (size, root), records = verify(cbor(data), subject, network)
        series = boundaries(records, key)
        lines = list(report(series, key))
    except Exception as fault:
        print(f"FAULT at {progress['place']}: {type(fault).__name__}: {fault}")
        return 1
    counts = f"{progress['checks']} checks, {len(records)} records, {len(series)} boundaries"
    print(f"Everything holds: {counts}.", f"Checkpoint: size {size}, root {root.hex()}", sep="\n")
    print(*lines, sep="\n")
    return 0

if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: python3 read.py FILE|URL KEYFILE", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))

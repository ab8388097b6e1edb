/** Writes to a store until it is killed; prints each step when it is durable. Run by kill.test.ts. */
import { writeSync } from "node:fs";
import { utf8 } from "@meterseal/core";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { openMeterStore, openServerStore } from "../src/sqlite/index.ts";

const [kind, directory = "", startText = "1"] = process.argv.slice(2);
const report = (line: string): number => writeSync(1, `${line}\n`);
const samples = new StoreSamples();
const start = Number(startText);
if (kind === "meter") {
    const store = await openMeterStore(directory);
    for (let seq = start; ; seq++) {
        const bytes = new Uint8Array(1_000).fill(seq);
        const record = { chainEpoch: 0, seq, hash: new Uint8Array(32).fill(seq), bytes };
        await store.append(utf8(`${seq}`), record);
        report(`append ${seq}`);
        if (seq % 7 !== 0) continue;
        await store.keepFinal(utf8(`${seq - 3}`), 0, seq - 3);
        report(`final ${seq - 3}`);
    }
}
const store = await openServerStore(directory);
for (let round = start; ; round++) {
    const batch = Array.from({ length: 20 }, (_, i) => samples.usage({ seq: round * 20 + i + 1 }));
    const records = await Promise.all(batch);
    const vertex = await samples.vertex(records);
    await store.insertRecords(records);
    report(`records ${round}`);
    await store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
    report(`vertex ${round}`);
    const entry = { timeMs: round, item: vertex.message.bytes };
    const size = round + 1;
    await store.append({ entry, vertexId: vertex.id.bytes, checkpoint: `${size}`, size });
    report(`append ${round}`);
}

/** Issues grants of a household as a command does: counts, then writes. Run by journal-file.test.ts. */
import { aloneWithJournal } from "../src/household/journal-file.ts";

const [dir = "", digit = "0", times = "1"] = process.argv.slice(2);
for (let i = 0; i < Number(times); i++) {
    await aloneWithJournal(dir, async (journal) => {
        const issuedUnix = journal.read().grants.length;
        // Judging asks a server meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 2));
        const windows = [{ fromSlot: 1, toSlot: 2 }];
        const holding = { groups: [0], known: { kind: "differences", windows } } as const;
        journal.appendIssued({
            ...{ hash: (digit + i.toString(16)).padEnd(64, "0"), issuedUnix },
            ...{ recipient: "a".repeat(32), stream: "5".repeat(32), messages: ["AA=="] },
            released: { kind: "own", holding },
        });
    });
}

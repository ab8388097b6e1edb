import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
    type Address,
    CONTRACTS,
    type EvmProfile,
    type EvmProfiles,
    encodeEvmCall,
    type Hex,
    NO_HASH,
    packRegisters,
} from "@meterseal/engines/evm";
import { seededRandom } from "@meterseal/testkit/random";
import { Anvil } from "./anvil.ts";

const PAGE = join(import.meta.dirname, "..", "..", "docs", "reference", "evm.md");
/** Share by which a figure of the page may differ: it depends on how many bytes are zero. */
const TOLERANCE = 0.01;

let anvil: Anvil;
let owner: Address;
before(async () => {
    anvil = await Anvil.start();
    [owner] = (await anvil.accounts()) as [Address];
});
after(async () => await anvil.stop());

async function deploy(profile: EvmProfile): Promise<Address> {
    return await anvil.deploy(owner, CONTRACTS[profile].bytecode);
}

async function gasOf<P extends EvmProfile>(
    profile: P,
    contract: Address,
    call: EvmProfiles[P]["call"],
): Promise<number> {
    const { gas, isTaken } = await anvil.send(owner, contract, encodeEvmCall(profile, call));
    assert.ok(isTaken, call.call);
    return gas;
}

/** Figures of the page's table, by the text of their row: the first two columns of numbers. */
function rowsOfPage(): Map<string, [number, number]> {
    const row = /^\| ([^|]+?) +\| ([\d,]+) +\| ([\d,]+) +\|/gm;
    const number = (text: string): number => Number(text.replaceAll(",", ""));
    return new Map(
        [...readFileSync(PAGE, "utf8").matchAll(row)].map(
            ([, what = "", first = "", then = ""]) => [what, [number(first), number(then)]],
        ),
    );
}

function requireAsOnPage(what: string, [first, later]: readonly [number, number]): void {
    const written = rowsOfPage().get(what);
    assert.ok(written, `docs/reference/evm.md has no row "${what}"; measured ${first}, ${later}`);
    const isNear = (gas: number, documented: number): boolean =>
        Math.abs(gas - documented) <= gas * TOLERANCE;
    const [firstWritten, laterWritten] = written;
    const isRight = isNear(first, firstWritten) && isNear(later, laterWritten);
    assert.ok(isRight, `${what}: the page says ${written.join(", ")}, measured ${first}, ${later}`);
}

describe("gas, first and later, is what the page says", () => {
    it("single write", async () => {
        const contract = await deploy("single-write");
        await gasOf("single-write", contract, { call: "proposeServer", server: owner });
        await gasOf("single-write", contract, { call: "acceptServer" });
        const register: Hex = `0x${"5a".repeat(16)}${"0".repeat(32)}`;
        const write = async (seq: number): Promise<number> =>
            await gasOf("single-write", contract, {
                call: "write",
                register,
                seq,
                value: 12_345_678n + BigInt(seq) * 250n,
                time: 1_356_998_400 + seq * 900,
            });
        const first = await write(1);
        await write(2);
        requireAsOnPage("single write, a reading", [first, await write(3)]);
    });

    for (const count of [100, 500, 2_000]) {
        it(`committed batch of ${count}`, async () => {
            const random = seededRandom(count);
            const contract = await deploy("committed-batch");
            await gasOf("committed-batch", contract, {
                call: "proposeGroupOwner",
                group: 1,
                owner,
            });
            await gasOf("committed-batch", contract, { call: "acceptGroup", group: 1 });
            let registers: bigint[] = [];
            const write = async (seq: number): Promise<number> => {
                const previous = packRegisters(registers);
                registers = Array.from(
                    { length: count },
                    (_, i) =>
                        (registers[i] ?? BigInt(random.below(2 ** 26))) +
                        BigInt(random.below(2_000)),
                );
                const next = packRegisters(registers);
                const time = 1_356_998_400 + seq * 900;
                return await gasOf("committed-batch", contract, {
                    ...{ call: "write", group: 1, seq, time, previous, next },
                });
            };
            const first = await write(1);
            await write(2);
            const what = `committed batch, ${count.toLocaleString("en")} readings`;
            requireAsOnPage(what, [first, await write(3)]);
        });
    }

    it("root anchor", async () => {
        const contract = await deploy("root-anchor");
        const random = seededRandom(1);
        const log: Hex = `0x${"7c".repeat(32)}`;
        await gasOf("root-anchor", contract, { call: "proposeLogOwner", log, owner });
        await gasOf("root-anchor", contract, { call: "acceptLog", log });
        let last: Hex = NO_HASH;
        const anchor = async (size: number): Promise<number> => {
            const previousRoot = last;
            last = `0x${Buffer.from(random.bytes(32)).toString("hex")}`;
            return await gasOf("root-anchor", contract, {
                ...{ call: "anchor", log, previousRoot, size, root: last },
            });
        };
        const first = await anchor(1_000);
        await anchor(25_000);
        requireAsOnPage("root anchor, any number", [first, await anchor(50_000)]);
    });
});

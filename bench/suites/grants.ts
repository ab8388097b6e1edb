import {
    createLadder,
    generateHpkeKeyPair,
    type HpkeKeyPair,
    openHpke,
    sealHpke,
    slotOfUnix,
    unwrap,
    utf8,
    type WindowName,
} from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    type Grant,
    type GrantSource,
    newSealState,
    openGrant,
    openShifted,
    ownerKeys,
    parseGrant,
    planBoundaries,
    sealBoundaries,
} from "@meterseal/seal";
import { seededRandom } from "@meterseal/testkit/random";
import { createGrant, type KeyFile, planGrant } from "@meterseal/wallet";
import { cpuMsPerCall, secondsPerCall } from "../lib/measure.ts";
import type { Quantity, Row, Suite } from "../lib/report.ts";

const ZONE = "Europe/Berlin";
const SLOT_SECONDS = 900;
const YEAR = { fromUnix: 1_767_222_000, toUnix: 1_798_758_000 };
const YEAR_SLOTS = (YEAR.toUnix - YEAR.fromUnix) / SLOT_SECONDS;
const CONTEXT = { info: utf8("bench"), aad: utf8("bench") };

/** Making, opening and using grants; one household, one recipient, CPU time of all threads. */
export const grantsSuite: Suite = {
    name: "grants",
    title: "sealing, opening and using grants of a year, CPU time",
    async run({ quick }) {
        const calls = quick ? 3 : 60;
        const pairs = [unwrap(await generateHpkeKeyPair(1)), unwrap(await generateHpkeKeyPair(2))];
        const [plain, hybrid] = pairs as [HpkeKeyPair, HpkeKeyPair];
        const make = maker(plain);
        const rows: Row[] = [];
        for (const [what, pair] of [
            ["HPKE, X25519: seal", plain],
            ["HPKE, ML-KEM-768 with X25519: seal", hybrid],
        ] as const) {
            const text = new Uint8Array(400);
            const sealed = unwrap(await sealHpke(pair.suite, pair.publicKey, CONTEXT, text));
            const sealMs = await cpuMsPerCall(calls, () =>
                sealHpke(pair.suite, pair.publicKey, CONTEXT, text),
            );
            const openMs = await cpuMsPerCall(calls, () => openHpke(pair, CONTEXT, sealed));
            rows.push(row(what, sealMs), row(what.replace("seal", "open"), openMs));
        }
        const sizes: string[] = [];
        for (const window of ["month", "day", "hour", "slot"] as const) {
            const grant = await make(window);
            const { bytes } = grant.message;
            sizes.push(`${window} ${grant.ciphertext.length - 16} B in ${bytes.length} B`);
            rows.push(
                row(`a year by ${window}: make`, await cpuMsPerCall(calls, () => make(window))),
            );
            const open = async () => unwrap(await openGrant(unwrap(parseGrant(bytes)), plain));
            rows.push(row(`a year by ${window}: parse and open`, await cpuMsPerCall(calls, open)));
        }
        rows.push(await yearRow(make, plain, quick ? 1 : 7));
        return {
            rows,
            facts: [`sealed body and message of a year, one register: ${sizes.join("; ")}`],
        };
    },
};

/** Opens every quarter-hour of a year with a grant, and with the household's own keys. */
async function yearRow(
    make: (window: WindowName) => Promise<Grant>,
    pair: HpkeKeyPair,
    rounds: number,
): Promise<Row> {
    const { key, master } = household();
    const fromSlot = slotOfUnix(YEAR.fromUnix, SLOT_SECONDS);
    const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    const plan = planBoundaries(newSealState(0), ladder, fromSlot, YEAR_SLOTS + 1);
    const { addresses } = unwrap(plan);
    const registers = addresses.map((_, i) => BigInt(250 * i));
    const owner = unwrap(ownerKeys(master, key.stream));
    const boundaries = {
        addresses,
        sealed: unwrap(sealBoundaries(owner, { addresses, registers })),
    };
    const grant = await make("slot");
    const keys = unwrap(await openGrant(grant, pair));
    if (keys.form !== "keys") throw new Error("a grant of keys");
    const [span] = keys.spans as [GrantSource];
    const perSlot = (work: () => void): number => (secondsPerCall(rounds, work) / YEAR_SLOTS) * 1e9;
    const grantNs = perSlot(() => unwrap(openShifted(span.keys, 0, boundaries)));
    const ownNs = perSlot(() => {
        unwrap(openShifted(unwrap(ownerKeys(master, key.stream)), 0, boundaries));
    });
    return {
        what: "every quarter-hour of a year opened with a grant",
        ours: { value: grantNs, unit: "ns a slot" },
        against: { value: ownNs, unit: "ns a slot", of: "the household's own keys" },
        ratio: ownNs / grantNs,
        target: null,
    };
}

function household(): { readonly key: KeyFile; readonly master: Uint8Array } {
    const random = seededRandom(4);
    const master = random.bytes(32);
    const stream = {
        streamId: random.bytes(16),
        sealEpoch: 0,
        suite: 1,
        slotSeconds: SLOT_SECONDS,
        groups: [{ group: 0, channels: 1 as const }],
    };
    const [network, meter] = [random.bytes(32), random.bytes(16)];
    return { key: { name: "home", network, meter, stream, zone: ZONE, scale: 0, master }, master };
}

/** Makes grants of the year to one recipient, all by the same keys. */
function maker(pair: HpkeKeyPair): (window: WindowName) => Promise<Grant> {
    const { key } = household();
    const random = seededRandom(5);
    const [wallet, provider] = [0, 1].map(() => signerFromPem(generatePrivateKeyPem("es256")));
    const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    return async (window) => {
        const order = {
            key,
            household: { id: key.meter, signer: wallet as NonNullable<typeof wallet> },
            recipient: {
                id: key.stream.streamId,
                key: (provider as NonNullable<typeof provider>).publicKey,
                recipients: [{ suite: pair.suite, bytes: pair.publicKey }],
            },
            stores: [],
            plan: unwrap(planGrant(ladder, { window, groups: [0], ...YEAR })),
            epochs: [{ sealEpoch: 0, fromUnix: Number.NEGATIVE_INFINITY, committed: 0 }],
            issuedUnix: YEAR.fromUnix,
            random,
        };
        return unwrap(await createGrant(order));
    };
}

function row(what: string, value: number): Row {
    const ours: Quantity = { value, unit: "ms" };
    return { what, ours, against: null, ratio: null, target: null };
}

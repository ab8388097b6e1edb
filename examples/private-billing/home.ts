import { randomBytes } from "node:crypto";
import {
    createLadder,
    type HpkeKeyPair,
    type Ladder,
    type Signer,
    sha256,
    toHex,
    unixOfSlot,
    unwrap,
    utf8,
} from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    LONDON_SLOT_SECONDS,
    type LondonHome,
    londonSeries,
    seriesBoundaries,
} from "@meterseal/meter";
import { createUsageRecord, FLAG, type MeterRecord, parseRecord } from "@meterseal/record";
import {
    commitBoundaries,
    compactAddresses,
    encodeFlags,
    newSealState,
    ownerKeys,
    planBoundaries,
    sealBoundaries,
} from "@meterseal/seal";
import type { IssuedGrant, KeyFile } from "@meterseal/wallet";

/** Zone of the homes. */
export const ZONE = "Europe/London";
/** Half-hours in a record: a day. */
const RECORD_SLOTS = 48;

/** Fresh random bytes. */
export function random(length: number): Uint8Array {
    return new Uint8Array(randomBytes(length));
}

/** A household: its meter, its wallet, and what only it knows. */
export class Home {
    readonly name: string;
    readonly ladder: Ladder = unwrap(createLadder(ZONE, LONDON_SLOT_SECONDS));
    readonly key: KeyFile;
    /** The household as a party. */
    readonly party: { readonly id: Uint8Array; readonly signer: Signer };
    /** What its wallet has granted; whoever counts what others may know forgets nothing. */
    readonly issued: IssuedGrant[] = [];
    readonly #meter: Signer = newSigner();
    readonly #readings: LondonHome;
    /** Registers in Wh by instant: the truth, which leaves the home sealed. */
    readonly registers = new Map<number, bigint>();

    constructor(readings: LondonHome, network: Uint8Array) {
        this.name = readings.id;
        this.#readings = readings;
        this.party = { id: random(16), signer: newSigner() };
        this.key = {
            name: readings.id,
            network,
            meter: random(16),
            stream: {
                streamId: random(16),
                sealEpoch: 0,
                suite: 1,
                slotSeconds: LONDON_SLOT_SECONDS,
                groups: [{ group: 0, channels: 1 }],
            },
            zone: ZONE,
            scale: 0,
            master: random(32),
        };
    }

    /** Energy between two instants as the household knows it. */
    usedWh(fromUnix: number, toUnix: number): bigint {
        return (this.registers.get(toUnix) ?? 0n) - (this.registers.get(fromUnix) ?? 0n);
    }

    /** What the meter does: seals, commits to, chains and signs the boundaries of a range of slots. */
    async measure(fromSlot: number, toSlot: number): Promise<MeterRecord[]> {
        const keys = unwrap(ownerKeys(this.key.master as Uint8Array, this.key.stream));
        const range = { fromSlot, toSlot };
        const boundaries = [...seriesBoundaries(londonSeries(this.#readings), range)];
        const records: MeterRecord[] = [];
        let state = newSealState(0);
        // In a network the chain begins at the meter's enrolment.
        let prev = sha256(utf8(`enrolment of ${toHex(this.key.meter)}`));
        for (let at = 0; at < boundaries.length; at += RECORD_SLOTS) {
            const rows = boundaries.slice(at, at + RECORD_SLOTS);
            const first = fromSlot + at;
            const plan = unwrap(planBoundaries(state, this.ladder, first, rows.length));
            state = plan.state;
            const registers = rows.flatMap((row) => row.registers);
            for (const [i, register] of registers.entries()) {
                this.registers.set(unixOfSlot(first + i, LONDON_SLOT_SECONDS), register);
            }
            const sealing = { addresses: plan.addresses, registers };
            const place = { seq: records.length + 1, chainEpoch: 0, prev, subject: this.key.meter };
            const timeUnix = unixOfSlot(first + rows.length, LONDON_SLOT_SECONDS);
            const bytes = await createUsageRecord(
                this.#meter,
                { ...place, timeUnix },
                {
                    stream: this.key.stream.streamId,
                    sealEpoch: 0,
                    groups: [0],
                    values: { mode: "sealed", bytes: unwrap(sealBoundaries(keys, sealing)) },
                    commitments: unwrap(commitBoundaries(keys, 1, sealing)),
                    ...unwrap(compactAddresses(LONDON_SLOT_SECONDS, first, plan.addresses)),
                    flags: encodeFlags(rows.map(({ missing }) => (missing ? FLAG.missing : 0))),
                },
            );
            const record = unwrap(parseRecord(bytes));
            prev = record.message.hash;
            records.push(record);
        }
        return records;
    }
}

/** A signing key of its own. */
export function newSigner(): Signer {
    return signerFromPem(generatePrivateKeyPem("es256"));
}

/** Keys that grants are sealed to, by their half that the world may see. */
export type Recipient = {
    readonly id: Uint8Array;
    readonly key: Signer["publicKey"];
    readonly recipients: readonly { readonly suite: number; readonly bytes: Uint8Array }[];
    readonly pair: HpkeKeyPair;
};

import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import { recordName } from "@meterseal/ledger";
import { FLAG } from "@meterseal/record";
import { flagOfHandover, type Handover, handoverOf } from "@meterseal/seal";
import type { Adjusted, EpochBoundary, OpenEpoch, Registers } from "./epoch.ts";

/** A place where one seal epoch follows another: a meter exchange, a reset, a new key. */
export type Join = {
    readonly fromEpoch: number;
    readonly toEpoch: number;
    /** Instant of the new device's first registers; null where no opening record names it. */
    readonly atUnix: number | null;
    /** One of EVENT_REASON; null without an opening record. */
    readonly reason: number | null;
    readonly handover: Handover;
    /** Registers of the old device at its end and of the new one at its begin, stream units. */
    readonly final: Registers;
    readonly initial: Registers;
};

/** One series over all epochs of a stream, and where it was joined. */
export type Joined = { readonly boundaries: EpochBoundary[]; readonly joins: Join[] };

/**
 * Joins the seal epochs of a stream to the series of the metering point: each epoch is moved by what
 * makes its initial registers the final ones of the epoch before, so that every difference is what
 * was measured, whichever device measured it.
 * @returns MS_RESEALED where epochs overlap, MS_REGISTER_DECREASED for a final register below one
 * that was sealed before, MS_CHAIN_MISMATCH for an opening that names another closing record than the
 * one before it, or one that is not there.
 */
export function joinEpochs(epochs: readonly OpenEpoch[]): Result<Joined> {
    const boundaries: EpochBoundary[] = [];
    const joins: Join[] = [];
    let before: EndedEpoch | null = null;
    let moved: Registers = { imported: 0n, exported: 0n, adjusted: { plus: 0n, minus: 0n } };
    for (const epoch of [...epochs].sort((a, b) => a.sealEpoch - b.sealEpoch)) {
        const own = [...epoch.boundaries].sort((a, b) => a.slot - b.slot);
        const begin = epoch.opening ?? own[0] ?? epoch.closing;
        if (begin === null || begin === undefined) continue;
        let flag: number | null = null;
        if (before !== null) {
            const join = joinOf(before, epoch, begin);
            if (!join.ok) return join;
            moved = add(moved, subtract(join.value.final, join.value.initial));
            joins.push(join.value);
            flag = flagOfHandover(join.value.handover);
        }
        const fault = append(boundaries, own, moved, flag);
        if (fault !== null) return fail(error("MS_RESEALED", { where: fault }));
        const last = own.at(-1) ?? null;
        before = { epoch, last, end: epoch.closing ?? last ?? begin };
    }
    return ok({ boundaries, joins });
}

/** Adds the boundaries of an epoch; at a slot that two devices share the newer one counts. */
function append(
    boundaries: EpochBoundary[],
    own: readonly EpochBoundary[],
    moved: Registers,
    flag: number | null,
): string | null {
    const first = own[0];
    if (first !== undefined && boundaries.at(-1)?.slot === first.slot) {
        const shared = boundaries.pop();
        // The old device measured up to here; only what was read off it later makes that an estimate.
        if (flag !== FLAG.estimated) flag = shared?.flag ?? null;
    }
    const last = boundaries.at(-1);
    if (first !== undefined && last !== undefined && first.slot <= last.slot) {
        return `slot ${first.slot}`;
    }
    for (const [i, boundary] of own.entries()) {
        const ownFlag = boundary.flag === 0 && i === 0 ? (flag ?? 0) : boundary.flag;
        boundaries.push({ ...boundary, ...add(boundary, moved), flag: ownFlag });
    }
    return null;
}

/** An epoch that another one follows, with its last registers and those of its last boundary. */
type EndedEpoch = {
    readonly epoch: OpenEpoch;
    readonly end: Registers;
    readonly last: Registers | null;
};

function joinOf(before: EndedEpoch, epoch: OpenEpoch, begin: Registers): Result<Join> {
    const { opening } = epoch;
    const named = opening?.event.before?.closing;
    const { end, last } = before;
    const { closing, sealEpoch } = before.epoch;
    const isNamed =
        named === undefined || (closing !== null && bytesEqual(named, closing.record.message.hash));
    if (opening !== null && !isNamed) {
        const where = recordName(opening.record);
        const expected = `the closing record of seal epoch ${sealEpoch}`;
        return fail(error("MS_CHAIN_MISMATCH", { where, expected }));
    }
    const handover = handoverOf(closing !== null, opening?.event ?? null);
    const final = handover === "stated" ? (opening?.stated ?? end) : end;
    if (last !== null && isBelow(final, last)) {
        const where = `the end of seal epoch ${sealEpoch}`;
        return fail(error("MS_REGISTER_DECREASED", { where }));
    }
    return ok({
        fromEpoch: sealEpoch,
        toEpoch: epoch.sealEpoch,
        atUnix: opening?.event.atUnix ?? null,
        reason: opening?.event.reason ?? null,
        handover,
        final: plain(final),
        initial: plain(begin),
    });
}

/** Whether a register of an instant is below that of an earlier one. */
function isBelow(a: Registers, b: Registers): boolean {
    const less = (x: bigint | undefined | null, y: bigint | undefined | null): boolean =>
        x !== undefined && x !== null && y !== undefined && y !== null && x < y;
    return (
        a.imported < b.imported ||
        less(a.exported, b.exported) ||
        less(a.adjusted?.plus, b.adjusted?.plus) ||
        less(a.adjusted?.minus, b.adjusted?.minus)
    );
}

function plain({ adjusted, exported, imported }: Registers): Registers {
    return { imported, exported, adjusted };
}

/** The registers moved by others; what is not there stays so. */
function add(a: Registers, b: Registers): Registers {
    return combine(a, b, 1n);
}

function subtract(a: Registers, b: Registers): Registers {
    return combine(a, b, -1n);
}

function combine(a: Registers, b: Registers, sign: bigint): Registers {
    const adjusted: Adjusted | null =
        a.adjusted === null
            ? null
            : {
                  plus: a.adjusted.plus + sign * (b.adjusted?.plus ?? 0n),
                  minus: a.adjusted.minus + sign * (b.adjusted?.minus ?? 0n),
              };
    const exported = a.exported === null ? null : a.exported + sign * (b.exported ?? 0n);
    return { imported: a.imported + sign * b.imported, exported, adjusted };
}

import { type Ladder, slotOfUnix, unixOfSlot } from "@meterseal/core";
import { type Finding, type Holding, hullOf, judgeGrant, type Stretch } from "@meterseal/seal";
import type { EpochChange, IssuedGrant } from "./journal.ts";

/** A grant and the changes of the seal epoch that it counts over. */
type Crossing = Pick<IssuedGrant, "changes" | "released">;

/**
 * What two grants tell together that let one device end at different boundaries: what was measured
 * between these, however short. A grant that does not say where it lets a device end counts as the
 * worst, unless the end is signed.
 * @param held - of the same stream.
 */
export function changeFindings(
    held: readonly Crossing[],
    { changes = [], released }: Crossing,
    ladder: Ladder,
): Finding[] {
    if (released.kind !== "own" || changes.length === 0) return [];
    return released.holding.groups.flatMap((group) => {
        const others = held.flatMap((grant) => {
            const holding = grant.released.kind === "own" ? grant.released.holding : null;
            return holding?.groups.includes(group) ? [{ changes: grant.changes, holding }] : [];
        });
        const moved = changes.flatMap((change) => movedEnds(change, others, ladder));
        const own = { ...released.holding, groups: [group] };
        const holdings = [...others.map(({ holding }) => holding), own];
        return [
            ...between(moved, holdings, group, ladder),
            ...unsaid(changes, others, own, ladder),
        ];
    });
}

type Other = { readonly changes: IssuedGrant["changes"]; readonly holding: Holding };

/** Stretches between the end that a change has here and those that it has elsewhere. */
function movedEnds(change: EpochChange, others: readonly Other[], ladder: Ladder): Stretch[] {
    return others.flatMap(({ changes = [] }) => {
        const other = changes.find(({ sealEpoch }) => sealEpoch === change.sealEpoch);
        if (other === undefined || other.endUnix === change.endUnix) return [];
        const [from, to] = [change.endUnix, other.endUnix].sort((a, b) => a - b) as [
            number,
            number,
        ];
        const { slotSeconds } = ladder;
        const fromSlot = slotOfUnix(from, slotSeconds);
        return [{ fromSlot, toSlot: slotOfUnix(to + slotSeconds - 1, slotSeconds) }];
    });
}

/** Of these stretches what nothing held gives, whatever the household agreed to. */
function between(
    windows: readonly Stretch[],
    holdings: readonly Holding[],
    group: number,
    ladder: Ladder,
): Finding[] {
    const candidate = { groups: [group], known: { kind: "differences" as const, windows } };
    const agreement = { minimumSeconds: Number.POSITIVE_INFINITY };
    const findings = judgeGrant(holdings, candidate, ladder, agreement);
    // What is left of a longer window when one of these is taken off is news of these alone.
    const own = findings.filter(({ code }) => code !== "parts");
    return own.map((finding) => ({ ...finding, code: "refinement" }));
}

function unsaid(
    changes: readonly EpochChange[],
    others: readonly Other[],
    own: Holding,
    { slotSeconds }: Ladder,
): Finding[] {
    const count = others.filter((other) => {
        const hull = other.changes === undefined ? hullOf(other.holding.known) : null;
        return changes.some(({ endUnix, isFinal }) => {
            const slot = slotOfUnix(endUnix, slotSeconds);
            return !isFinal && hull !== null && hull.fromSlot <= slot && slot < hull.toSlot;
        });
    }).length;
    const hull = hullOf(own.known);
    if (count === 0 || hull === null) return [];
    const [fromUnix, toUnix] = [hull.fromSlot, hull.toSlot].map((slot) =>
        unixOfSlot(slot, slotSeconds),
    ) as [number, number];
    return [{ code: "undecided", group: own.groups[0] ?? 0, fromUnix, toUnix, count }];
}

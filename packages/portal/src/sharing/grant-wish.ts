import type { TariffSum, Wish } from "../household/vault/sharing-messages.ts";
import { type Choice, isListed } from "./choice.ts";
import type { Stretch } from "./revealed.ts";
import { type Opening, openingWords } from "./words.ts";

/** Registers that a choice is about: by a tariff one of them, else the export beside the import. */
function groupsOf({ isTariff, withExport }: Choice): readonly number[] {
    if (isTariff) return [withExport ? 1 : 0];
    return withExport ? [0, 1] : [0];
}

/** The weighted sum that is chosen; null where sums of a step are, or no tariff yet. */
export function tariffSumOf(choice: Choice, stretch: Stretch): TariffSum | null {
    const { isTariff, tariffHex } = choice;
    if (!isTariff || tariffHex === null) return null;
    const { fromUnix, toUnix } = stretch;
    return { tariffHex, group: groupsOf(choice)[0] ?? 0, fromUnix, toUnix };
}

/** What is to be granted to somebody; null while something is missing. */
export function wishOf(choice: Choice, stretch: Stretch, recipientHex: string | null): Wish | null {
    if (recipientHex === null) return null;
    if (choice.isTariff) {
        const sum = tariffSumOf(choice, stretch);
        return sum === null ? null : { kind: "tariff", recipientHex, ...sum };
    }
    const { fromUnix, toUnix } = stretch;
    const { step } = choice;
    return { kind: "sums", recipientHex, step, groups: groupsOf(choice), fromUnix, toUnix };
}

/** What a choice would let somebody see, in plain words. */
export function choiceWords(
    choice: Choice,
    stretch: Stretch,
    home: Pick<Opening, "zone" | "slotSeconds">,
): string {
    const kind = choice.isTariff ? "W" : isListed(choice.step) ? "E" : "K";
    const { slotSeconds, zone } = home;
    const { step } = choice;
    return openingWords({ kind, step, groups: groupsOf(choice), zone, slotSeconds, ...stretch });
}

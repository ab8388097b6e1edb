import { type Result, toHex, unwrap } from "@meterseal/core";
import type { Finding, Grant } from "@meterseal/seal";
import {
    createGrant,
    type GrantAsk,
    judgeIssue,
    knownOfTerms,
    type Policy,
    planGrant,
    streamEpochs,
} from "@meterseal/wallet";
import { type Home, random } from "./home.ts";
import type { Provider } from "./provider.ts";

/** What a home's wallet says to a wish: a grant, or what would follow from it. */
export type Answer =
    | { readonly grant: Grant }
    | { readonly grant: null; readonly findings: readonly Finding[] };

/**
 * What a wallet does before it issues: it makes the grant, works out what its recipient, and every
 * coalition that the household fears, could compute with it and all earlier ones, and keeps it back
 * where that is more than the grants say.
 */
export async function ask(
    home: Home,
    provider: Provider,
    wish: GrantAsk,
    policy: Policy,
): Promise<Answer> {
    const { key, ladder, party } = home;
    const epochs = unwrap(streamEpochs(key, []));
    const grant = unwrap(
        await createGrant({
            key,
            household: party,
            recipient: provider.party,
            stores: [],
            plan: unwrap(planGrant(ladder, wish)),
            epochs,
            issuedUnix: wish.toUnix,
            random: { bytes: random },
        }),
    );
    const known = required(knownOfTerms(grant, ladder));
    const names = {
        household: toHex(party.id),
        recipient: toHex(provider.party.id),
        stream: toHex(key.stream.streamId),
        released: { kind: "own", holding: { groups: grant.groups, known } } as const,
    };
    const judgements = judgeIssue(home.issued, policy, names, ladder, epochs);
    if (judgements.length > 0) {
        return { grant: null, findings: judgements.flatMap(({ findings }) => findings) };
    }
    const hash = toHex(grant.message.hash);
    home.issued.push({ ...names, hash, issuedUnix: grant.issuedUnix, messages: [] });
    return { grant };
}

function required<T>(result: Result<T | null>): T {
    const value = unwrap(result);
    if (value === null) throw new Error("a grant whose terms say what it gives");
    return value;
}

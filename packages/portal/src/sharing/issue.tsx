import { type ReactNode, useEffect, useState } from "react";
import type { Household } from "../household/use-household.ts";
import type { Problem } from "../household/vault/messages.ts";
import type { Wish } from "../household/vault/sharing-messages.ts";
import { Notice } from "../ui/notice.tsx";
import { Derived } from "./derived.tsx";
import type { Sharing } from "./use-sharing.ts";

type IssueProps = {
    readonly wish: Wish;
    readonly who: string;
    readonly household: Household;
    readonly sharing: Sharing;
};

/** What the wallet found out about a wish: nothing yet, what follows, or why it cannot be granted. */
type Judged =
    | { readonly kind: "asking" }
    | { readonly kind: "judged"; readonly derived: readonly string[] }
    | { readonly kind: "refused"; readonly problem: Problem };

/** The last step of a grant: what else would follow from it, and the word that issues it. */
export function Issue({ wish, who, household, sharing }: IssueProps): ReactNode {
    const judged = useJudged(wish, household, sharing);
    const [isAccepted, setAccepted] = useState(false);
    const [issued, setIssued] = useState<Wish | null>(null);
    // biome-ignore lint/correctness/useExhaustiveDependencies: another wish is to be accepted anew
    useEffect(() => setAccepted(false), [wish]);
    if (issued === wish) {
        return (
            <Notice kind="quiet" icon="holds" title="Granted">
                <p>It is signed, sealed to {who}, and its notice is on the ledger.</p>
            </Notice>
        );
    }
    if (judged.kind === "asking") {
        return <p className="hint">Working out what {who} could compute …</p>;
    }
    if (judged.kind === "refused") {
        const { code, text, title } = judged.problem;
        return (
            <Notice kind="fault" title={title} code={code}>
                <p>{text}</p>
            </Notice>
        );
    }
    const { derived } = judged;
    const mayIssue = (derived.length === 0 || isAccepted) && !sharing.isBusy;
    const issue = async (): Promise<void> => {
        if (!mayIssue) return;
        if ((await sharing.grant(wish, derived.length > 0)) !== null) setIssued(wish);
    };
    return (
        <div className="form" data-testid="issue">
            <Derived
                derived={derived}
                heading={`With this, ${who} could work out more than it says:`}
                nothing={`With its grants ${who} could work out these sums, what adds up from them, and nothing else. Bills that you proved are not counted here.`}
            />
            {derived.length > 0 && (
                <label className="check">
                    <input
                        type="checkbox"
                        checked={isAccepted}
                        onChange={(event) => setAccepted(event.target.checked)}
                    />
                    I have read this and grant it all the same; that I was told goes on the ledger
                </label>
            )}
            <p className="actions">
                <button
                    type="button"
                    className="button button-primary"
                    aria-disabled={!mayIssue}
                    onClick={issue}
                    data-testid="issue-now"
                >
                    {sharing.isBusy ? "Granting …" : `Let ${who} see this`}
                </button>
            </p>
        </div>
    );
}

/** Judges a wish against everything that was granted before, again whenever either changes. */
function useJudged(wish: Wish, { call }: Household, { view }: Sharing): Judged {
    const [judged, setJudged] = useState<Judged>({ kind: "asking" });
    // biome-ignore lint/correctness/useExhaustiveDependencies: what was granted before is in the worker
    useEffect(() => {
        let isCurrent = true;
        const take = (next: Judged): void => {
            if (isCurrent) setJudged(next);
        };
        setJudged({ kind: "asking" });
        call("judge", wish).then(
            ({ derived }) => take({ kind: "judged", derived }),
            (problem: Problem) => take({ kind: "refused", problem }),
        );
        return () => {
            isCurrent = false;
        };
    }, [wish, call, view]);
    return judged;
}

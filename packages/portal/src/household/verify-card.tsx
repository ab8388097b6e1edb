import type { ReactNode } from "react";
import { formatBytes, formatCount, formatCounted } from "../format.ts";
import { Icon } from "../ui/icons.tsx";
import { prunedNote } from "./labels.ts";
import { VERIFY_HEADING } from "./seal.tsx";
import {
    type OpenHome,
    QUESTIONS,
    type Question,
    type Stage,
    type VerdictView,
} from "./vault/messages.ts";

type VerifyCardProps = {
    readonly home: OpenHome;
    readonly refreshing: Stage | null;
    onRefresh(): void;
};

type Wording = {
    readonly title: string;
    readonly holds: string;
    readonly fault: string;
    /** What was counted: one, and several. */
    readonly counted: readonly [string, string];
};

const WORDINGS: Readonly<Record<Question, Wording>> = {
    signature: {
        title: "Written by your meter",
        holds: "Your meter signed every record, and the operator admitted every key.",
        fault: "Something is not signed by whoever should have signed it.",
        counted: ["signature", "signatures"],
    },
    continuity: {
        title: "Nothing missing, nothing changed",
        holds: "From the first record here to the last, none was dropped, added, moved or altered: each names the one before, and all lie under one signed total of the ledger.",
        fault: "The chain or a proof is broken: something was dropped, added, moved or altered.",
        counted: ["link and proof", "links and proofs"],
    },
    clock: {
        title: "Dates make sense",
        holds: "Records are dated after their last reading and at most 15 minutes after the ledger took them.",
        fault: "A record carries a date that cannot be right.",
        counted: ["record", "records"],
    },
    plausibility: {
        title: "The numbers are possible",
        holds: "The register never runs backwards, and never faster than a household connection carries. Bounds only, for now.",
        fault: "A register cannot be opened, runs backwards, or runs faster than a connection carries.",
        counted: ["reading", "readings"],
    },
};

/** The four verdicts, what lies behind them, and what they do not prove. */
export function VerifyCard({ home, refreshing, onRefresh }: VerifyCardProps): ReactNode {
    const failed = QUESTIONS.filter((question) => !home.verdicts[question].holds).length;
    return (
        <section className="card verify" aria-labelledby={VERIFY_HEADING} data-testid="verify">
            <div className="verify-head">
                <h2 id={VERIFY_HEADING} tabIndex={-1}>
                    Can you trust these numbers?
                </h2>
                <span className={`status status-${failed === 0 ? "holds" : "fault"}`}>
                    <Icon name={failed === 0 ? "holds" : "fault"} />
                    {failed === 0
                        ? "All four checks hold"
                        : `${failed} of 4 checks ${failed === 1 ? "fails" : "fail"}`}
                </span>
            </div>
            <ul className="verdicts">
                {QUESTIONS.map((question) => (
                    <VerdictItem
                        key={question}
                        question={question}
                        verdict={home.verdicts[question]}
                    />
                ))}
            </ul>
            {home.prunedBeforeUnix !== null && (
                <p className="hint">{prunedNote(home.prunedBeforeUnix, home.zone)}</p>
            )}
            <details>
                <summary>What this does not prove</summary>
                <p className="hint details-text">
                    That the meter measured correctly, that the newest records are not held back,
                    and that everybody is shown the same ledger. And this page itself comes from the
                    server: to check without trusting it, run <code>meterseal usage</code> with your
                    key file.
                </p>
            </details>
            <Basis home={home} />
            <button
                type="button"
                className="button"
                onClick={onRefresh}
                aria-disabled={refreshing !== null}
            >
                {refreshing === null ? "Fetch and check again" : "Checking …"}
            </button>
        </section>
    );
}

type VerdictItemProps = { readonly question: Question; readonly verdict: VerdictView };

function VerdictItem({ question, verdict }: VerdictItemProps): ReactNode {
    const { title, holds, fault, counted } = WORDINGS[question];
    const { checked, faultCount, faults } = verdict;
    const wasChecked = checked > 0 || faultCount > 0;
    const icon = verdict.holds ? "holds" : wasChecked ? "fault" : "unknown";
    const summary = verdict.holds ? holds : wasChecked ? fault : "There was nothing to check.";
    return (
        <li data-question={question} data-holds={verdict.holds}>
            <span className={`verdict-mark verdict-${icon}`}>
                <Icon name={icon} />
            </span>
            <div>
                <details open={faultCount > 0}>
                    <summary>
                        {title}
                        <span className="hidden">
                            {verdict.holds ? ": holds" : wasChecked ? ": fails" : ": not checked"}
                        </span>
                    </summary>
                    <p>{summary}</p>
                </details>
                <p className="verdict-count">
                    {formatCounted(checked, ...counted)} checked
                    {faultCount > 0 && `, ${formatCounted(faultCount, "fault")}`}
                </p>
                {faultCount > 0 && (
                    <details open={faultCount <= 3}>
                        <summary>What and where</summary>
                        <ul className="faults">
                            {faults.map(({ code, text, where }) => (
                                <li key={`${code} ${where}`}>
                                    <code>{code}</code> {text}
                                </li>
                            ))}
                            {faultCount > faults.length && (
                                <li>and {formatCount(faultCount - faults.length)} more</li>
                            )}
                        </ul>
                    </details>
                )}
            </div>
        </li>
    );
}

function Basis({ home }: { readonly home: OpenHome }): ReactNode {
    const { checkpoint, evidenceBytes, meter, network, openMs, records } = home;
    return (
        <details>
            <summary>Technical details</summary>
            <dl className="facts">
                <div>
                    <dt>Trusted beforehand, from your key file: network</dt>
                    <dd>
                        <code>{network}</code>
                    </dd>
                </div>
                <div>
                    <dt>Meter</dt>
                    <dd>
                        <code>{meter}</code>
                    </dd>
                </div>
                {checkpoint !== null && (
                    <div>
                        <dt>
                            Checkpoint of {formatCounted(checkpoint.size, "entry", "entries")}, root
                        </dt>
                        <dd>
                            <code>{checkpoint.rootHex}</code>
                        </dd>
                    </div>
                )}
                <div>
                    <dt>Evidence</dt>
                    <dd>
                        {formatCounted(records, "record")} in {formatBytes(evidenceBytes)}, verified
                        and opened in {formatCount(Math.max(1, openMs))} ms by this browser
                    </dd>
                </div>
                <div>
                    <dt>Registers</dt>
                    <dd>
                        {home.isSealed
                            ? "sealed; only your key opens them"
                            : "open; everybody can read them"}
                    </dd>
                </div>
            </dl>
        </details>
    );
}

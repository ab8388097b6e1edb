import { type ReactNode, useEffect, useRef, useState } from "react";
import { formatCount, formatCounted, formatDate, formatMoment, groupHex } from "../format.ts";
import type { Calendar } from "../household/periods.ts";
import type { Household } from "../household/use-household.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import type { GrantState, GrantView } from "../household/vault/sharing-messages.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Accesses } from "./accesses.tsx";
import { Sight } from "./sight.tsx";
import { TariffSight } from "./tariff-sight.tsx";
import { openingWords } from "./words.ts";

type GrantItemProps = {
    readonly grant: GrantView;
    readonly recipient: string;
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly household: Household;
    readonly isBusy: boolean;
    onRevoke(hashHex: string): void;
};

const STATES: Readonly<Record<GrantState, { icon: IconName; style: string; text: string }>> = {
    active: { icon: "holds", style: "holds", text: "Active" },
    expired: { icon: "unknown", style: "ended", text: "Ended" },
    revoked: { icon: "fault", style: "ended", text: "Revoked" },
    waiting: { icon: "waiting", style: "waiting", text: "Not on the ledger yet" },
};

/** A grant in plain words, how it stands, and the way to take it back. */
export function GrantItem(props: GrantItemProps): ReactNode {
    const { grant, recipient, home, calendar, household, isBusy, onRevoke } = props;
    const [isSightOpen, setSightOpen] = useState(false);
    const { icon, style, text } = STATES[grant.state];
    const { opening } = grant;
    return (
        <li data-testid="grant" data-state={grant.state} data-hash={grant.hashHex}>
            <div className="grant-head">
                <p className="grant-words">{openingWords(opening)}</p>
                <span className={`status status-${style}`}>
                    <Icon name={icon} />
                    {text}
                </span>
            </div>
            <p className="grant-state">
                {stateWords(grant, opening.zone)} {usageWords(grant, recipient, opening.zone)}
            </p>
            {(opening.step !== null || grant.tariffHex !== null) && (
                <details onToggle={(event) => setSightOpen(event.currentTarget.open)}>
                    <summary>Look at what {recipient} sees</summary>
                    {isSightOpen && opening.step !== null && (
                        <Sight
                            home={home}
                            calendar={calendar}
                            step={opening.step}
                            stretch={opening}
                            recipient={recipient}
                        />
                    )}
                    {isSightOpen && grant.tariffHex !== null && (
                        <TariffSight
                            home={home}
                            calendar={calendar}
                            household={household}
                            sum={{
                                ...opening,
                                tariffHex: grant.tariffHex,
                                group: opening.groups[0] ?? 0,
                            }}
                            recipient={recipient}
                        />
                    )}
                </details>
            )}
            <Accesses hashHex={grant.hashHex} zone={opening.zone} household={household} />
            <Details grant={grant} />
            {(grant.state === "active" || grant.state === "waiting") && (
                <Revocation
                    recipient={recipient}
                    isCohort={opening.kind === "C"}
                    isBusy={isBusy}
                    onRevoke={() => onRevoke(grant.hashHex)}
                />
            )}
        </li>
    );
}

/** When it was granted, until when it lasts, and what its end means. */
function stateWords(grant: GrantView, zone: string): string {
    const date = (unix: number): string =>
        formatDate(unix, zone, { day: "numeric", month: "long", year: "numeric" });
    const granted = `Granted on ${date(grant.issuedUnix)}`;
    if (grant.revokedUnix !== null) {
        return `${granted}, revoked on ${date(grant.revokedUnix)}. What was readable before stays readable.`;
    }
    if (grant.leaseEndUnix === null) return `${granted}, without an end of its own.`;
    return grant.state === "expired"
        ? `${granted}, ended on ${date(grant.leaseEndUnix)}.`
        : `${granted}, until ${date(grant.leaseEndUnix)} unless it is renewed.`;
}

/** Whether it was used: a recipient takes a grant from the server before it can read anything. */
function usageWords(grant: GrantView, recipient: string, zone: string): string {
    const { lastReadUnix, reads, refusals } = grant;
    const taken =
        lastReadUnix === null
            ? `${recipient} has not taken it yet.`
            : `${recipient} took it ${reads === 1 ? "once" : `${formatCount(reads)} times`}, last on ${formatMoment(lastReadUnix, zone)}.`;
    if (refusals === 0) return taken;
    return `${taken} Refused: ${formatCounted(refusals, "attempt")}.`;
}

function Details({ grant }: { readonly grant: GrantView }): ReactNode {
    const { bytes, grantIdHex, kind, notice, recipientKeyHex, sealEpochs, suite } = grant.details;
    const facts: readonly (readonly [string, ReactNode])[] = [
        ["Hash of the grant, which its notice names", <code key="hash">{grant.hashHex}</code>],
        ["Grant", <code key="id">{groupHex(grantIdHex)}</code>],
        [
            "Notice on the ledger",
            notice === null
                ? "none yet"
                : `entry ${formatCount(notice.leafIndex)}, proven under the server's checkpoint`,
        ],
        ["Kind", kind],
        ["Sealed to", <code key="key">{groupHex(recipientKeyHex)}</code>],
        ["Sealed with", `${suite}, ${formatCount(bytes)} bytes in all`],
        ["Seal epochs", sealEpochs.join(", ")],
    ];
    return (
        <details>
            <summary>Technical details</summary>
            <dl className="facts">
                {facts.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
        </details>
    );
}

type RevocationProps = {
    readonly recipient: string;
    /** Whether it takes this home out of a group's sums. */
    readonly isCohort: boolean;
    readonly isBusy: boolean;
    onRevoke(): void;
};

/** Asks once more, and says plainly what revoking cannot do. */
function Revocation({ recipient, isCohort, isBusy, onRevoke }: RevocationProps): ReactNode {
    const [isAsking, setAsking] = useState(false);
    const first = useRef<HTMLButtonElement>(null);
    const wasAsking = useRef(false);
    // The button that was in use is gone: the focus goes on to what replaced it.
    useEffect(() => {
        if (isAsking !== wasAsking.current) first.current?.focus();
        wasAsking.current = isAsking;
    }, [isAsking]);
    if (!isAsking) {
        return (
            <p className="actions">
                <button
                    ref={first}
                    type="button"
                    className="button"
                    onClick={() => setAsking(true)}
                    data-testid="revoke"
                >
                    {isCohort ? "Leave this group" : "Revoke"}
                </button>
            </p>
        );
    }
    return (
        <fieldset className="derived derived-warning">
            <legend className="hidden">Revoke</legend>
            <p>
                {isCohort
                    ? `From now on the server hands ${recipient} no tokens of yours for this month, and the group has no sum until it is formed anew without you. What was taken before stays taken.`
                    : `From now on ${recipient} gets no sums with this grant and no new one in its place. What it could read until now stays readable: it has the keys, and no key can be called back.`}
            </p>
            <p className="actions">
                <button
                    ref={first}
                    type="button"
                    className="button"
                    onClick={() => setAsking(false)}
                >
                    Keep it
                </button>
                <button
                    type="button"
                    className="button button-danger"
                    aria-disabled={isBusy}
                    onClick={() => !isBusy && onRevoke()}
                    data-testid="revoke-now"
                >
                    {isBusy ? "Revoking …" : "Revoke now"}
                </button>
            </p>
        </fieldset>
    );
}

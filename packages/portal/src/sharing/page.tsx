import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { formatCounted } from "../format.ts";
import { HomeTabs } from "../household/home-tabs.tsx";
import { calendarOf } from "../household/periods.ts";
import type { Household } from "../household/use-household.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import type { SharingView } from "../household/vault/sharing-messages.ts";
import "../styles/sharing.css";
import { Notice } from "../ui/notice.tsx";
import { Derived } from "./derived.tsx";
import { GrantCard } from "./grant-card.tsx";
import { JournalCard } from "./journal-card.tsx";
import { RecipientCard } from "./recipient-card.tsx";
import { SignerCard } from "./signer-card.tsx";
import { useSharing } from "./use-sharing.ts";
import { recipientName } from "./words.ts";

type SharingPageProps = { readonly home: OpenHome; readonly household: Household };

/** Who can see what of a home, how finely, and the way to grant and to revoke. */
export function SharingPage({ home, household }: SharingPageProps): ReactNode {
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    return (
        <div className="page">
            <HomeTabs current="sharing" />
            <div className="headline">
                <h1 ref={heading} tabIndex={-1}>
                    Who can see what
                </h1>
                <p className="lead">
                    {home.isSealed
                        ? "Your readings are sealed. Whoever shall see something of them gets keys for exactly that, from you: the total of a month, say, and no single day of it."
                        : "In this network readings are plain: everybody who can reach the server sees all of yours, and there is nothing to grant."}
                </p>
            </div>
            {home.isSealed && <SealedSharing home={home} household={household} />}
        </div>
    );
}

function SealedSharing({ home, household }: SharingPageProps): ReactNode {
    const calendar = useMemo(() => calendarOf(home.series, home.zone), [home]);
    const sharing = useSharing(household);
    const { view, problem, isBusy } = sharing;
    const named = new Set(view?.memberships.map(({ monitorHex }) => monitorHex));
    const recipients = (view?.recipients ?? []).filter(
        ({ grants, idHex }) => grants.length > 0 || named.has(idHex),
    );
    return (
        <>
            {problem !== null && (
                <Notice kind="fault" title={problem.title} code={problem.code}>
                    <p>{problem.text}</p>
                </Notice>
            )}
            {view === null ? (
                <SignerCard isBusy={isBusy} onFile={sharing.loadSigner} />
            ) : (
                <Faults view={view} />
            )}
            {view !== null && recipients.length === 0 && view.faults.length === 0 && (
                <Notice kind="quiet" icon="lock" title="Nobody can see anything of your home">
                    <p>You have granted nothing yet.</p>
                </Notice>
            )}
            {recipients.map((recipient) => (
                <RecipientCard
                    key={recipient.idHex}
                    recipient={recipient}
                    memberships={(view?.memberships ?? []).filter(
                        ({ monitorHex }) => monitorHex === recipient.idHex,
                    )}
                    nowUnix={view?.nowUnix ?? 0}
                    home={home}
                    calendar={calendar}
                    household={household}
                    isBusy={isBusy}
                    onRevoke={sharing.revoke}
                />
            ))}
            {view !== null && <Together view={view} />}
            {view !== null && <Others view={view} named={named} />}
            {calendar.days.length > 0 && (
                <GrantCard
                    home={home}
                    calendar={calendar}
                    household={household}
                    sharing={sharing}
                />
            )}
            {view !== null && <JournalCard journaled={view.journaled} sharing={sharing} />}
        </>
    );
}

/** What of the server's answers does not hold, and what they may lack. */
function Faults({ view }: { readonly view: SharingView }): ReactNode {
    if (view.faults.length === 0) return null;
    return (
        <Notice kind="fault" title="This may not be everything">
            <ul>
                {view.faults.map((fault) => (
                    <li key={fault}>{fault}</li>
                ))}
            </ul>
        </Notice>
    );
}

/** What recipients could work out together. */
function Together({ view }: { readonly view: SharingView }): ReactNode {
    if (view.together.length === 0) return null;
    return (
        <section className="card" aria-labelledby="together-title" data-testid="together">
            <h2 id="together-title">If they put together what they have</h2>
            <Derived
                derived={view.together}
                heading="Nobody can keep them from it, so know what would follow:"
                nothing=""
            />
        </section>
    );
}

/** Who is in the network and was given nothing. */
function Others({
    named,
    view,
}: {
    readonly view: SharingView;
    readonly named: ReadonlySet<string>;
}): ReactNode {
    const others = view.recipients.filter(
        ({ grants, idHex }) => grants.length === 0 && !named.has(idHex),
    );
    if (others.length === 0) return null;
    return (
        <p className="hint" data-testid="others">
            {formatCounted(others.length, "other")} in this network{" "}
            {view.faults.length === 0
                ? "can see nothing of your home"
                : "were given nothing that is shown here"}
            : {others.map(recipientName).join(", ")}.
        </p>
    );
}

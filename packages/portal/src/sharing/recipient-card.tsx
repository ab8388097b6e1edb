import { type ReactNode, useId } from "react";
import { shortHex } from "../format.ts";
import type { Calendar } from "../household/periods.ts";
import type { Household } from "../household/use-household.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import type { MembershipView, RecipientView } from "../household/vault/sharing-messages.ts";
import { Derived } from "./derived.tsx";
import { GrantItem } from "./grant-item.tsx";
import { Neighbourhood } from "./neighbourhood.tsx";
import { recipientName } from "./words.ts";

type RecipientCardProps = {
    readonly recipient: RecipientView;
    /** Groups of homes that it adds up and that name this one. */
    readonly memberships: readonly MembershipView[];
    readonly nowUnix: number;
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly household: Household;
    readonly isBusy: boolean;
    onRevoke(hashHex: string): void;
};

const ROLE_WORDS = {
    household: "Household",
    provider: "Provider",
    monitor: "Adds up neighbourhoods",
} as const;

/** What one recipient was given, and what follows from all of it. */
export function RecipientCard(props: RecipientCardProps): ReactNode {
    const { recipient, home, calendar, household, isBusy, onRevoke } = props;
    const { memberships, nowUnix } = props;
    const titleId = useId();
    const { derived, grants, idHex, name, role } = recipient;
    const who = recipientName(recipient);
    return (
        <section className="card" aria-labelledby={titleId} data-testid="recipient">
            <div>
                <h2 id={titleId}>{who}</h2>
                <p className="hint">
                    {role === null ? (
                        <>
                            The server does not show who this is: <code>{idHex}</code>
                        </>
                    ) : (
                        ROLE_WORDS[role]
                    )}
                    {name !== "" && (
                        <>
                            , <code title={idHex}>{shortHex(idHex)}</code>
                        </>
                    )}
                </p>
            </div>
            <Derived
                derived={derived}
                heading={`Taken together, these grants tell ${who} more than each of them:`}
                nothing={
                    grants.length > 1 && role !== "monitor"
                        ? "Taken together, these grants tell no more than each."
                        : ""
                }
            />
            <Neighbourhood
                memberships={memberships}
                monitor={who}
                home={home}
                calendar={calendar}
                nowUnix={nowUnix}
            />
            <ul className="grants">
                {grants.map((grant) => (
                    <GrantItem
                        key={grant.hashHex}
                        grant={grant}
                        recipient={who}
                        home={home}
                        calendar={calendar}
                        household={household}
                        isBusy={isBusy}
                        onRevoke={onRevoke}
                    />
                ))}
            </ul>
        </section>
    );
}

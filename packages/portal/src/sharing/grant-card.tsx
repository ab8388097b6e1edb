import { type ReactNode, useMemo, useState } from "react";
import type { Calendar } from "../household/periods.ts";
import type { Household } from "../household/use-household.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import type { RecipientView, Wish } from "../household/vault/sharing-messages.ts";
import { type Choice, firstChoice, stretchFault, stretchOf } from "./choice.ts";
import { ChoiceFields } from "./choice-fields.tsx";
import { choiceWords, tariffSumOf, wishOf } from "./grant-wish.ts";
import { Issue } from "./issue.tsx";
import type { Stretch } from "./revealed.ts";
import { Sight } from "./sight.tsx";
import { useTariffs } from "./tariff-fields.tsx";
import { TariffSight } from "./tariff-sight.tsx";
import type { Sharing } from "./use-sharing.ts";
import { recipientName } from "./words.ts";

type GrantCardProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly household: Household;
    readonly sharing: Sharing;
};

/**
 * Shows on the household's own readings what somebody would see; and lets them see it, once it is
 * said who and the signing key is there.
 */
export function GrantCard({ home, calendar, household, sharing }: GrantCardProps): ReactNode {
    const [choice, setChoice] = useState(() => firstChoice(calendar, home.zone));
    const [chosen, setChosen] = useState<string | null>(null);
    const stretch = useMemo(() => stretchOf(choice, home.zone), [choice, home.zone]);
    const fault = stretchFault(stretch);
    const hasExport = home.series.some(({ exportWh }) => exportWh !== null);
    const providers = (sharing.view?.recipients ?? []).filter(
        ({ hasKey, role }) => hasKey && role === "provider",
    );
    const recipient = providers.find(({ idHex }) => idHex === chosen) ?? null;
    const who = recipient === null ? "somebody" : recipientName(recipient);
    const tariffs = useTariffs(household, choice.isTariff);
    const recipientHex = recipient?.idHex ?? null;
    const wish = useMemo<Wish | null>(
        () => (fault !== null || !stretch.ok ? null : wishOf(choice, stretch.value, recipientHex)),
        [recipientHex, fault, stretch, choice],
    );
    return (
        <section className="card" aria-labelledby="grant-title" data-testid="grant-card">
            <h2 id="grant-title">
                {sharing.view === null ? "What would somebody see?" : "Let somebody see something"}
            </h2>
            <p className="hint">
                {sharing.view === null
                    ? "Try it on your own readings. Nothing is sent to anybody."
                    : "Nothing is sent to anybody before you say so at the end."}
            </p>
            <div className="grant-columns">
                <div className="form">
                    {sharing.view !== null && (
                        <RecipientChoice
                            providers={providers}
                            chosen={recipient}
                            onChoose={setChosen}
                        />
                    )}
                    <ChoiceFields
                        choice={choice}
                        slotSeconds={home.slotSeconds}
                        hasExport={hasExport}
                        {...(sharing.view === null ? {} : { tariffs })}
                        onChange={setChoice}
                    />
                </div>
                <div className="form">
                    {fault !== null || !stretch.ok ? (
                        <p className="fault" role="alert">
                            {fault}
                        </p>
                    ) : (
                        <>
                            <p className="grant-words" data-testid="grant-words">
                                {choiceWords(choice, stretch.value, home)}
                            </p>
                            <ChosenSight
                                choice={choice}
                                stretch={stretch.value}
                                home={home}
                                calendar={calendar}
                                household={household}
                                recipient={who}
                                isSaid={wish !== null}
                            />
                        </>
                    )}
                    {wish !== null && (
                        <Issue wish={wish} who={who} household={household} sharing={sharing} />
                    )}
                </div>
            </div>
        </section>
    );
}

type ChosenSightProps = Omit<GrantCardProps, "sharing"> & {
    readonly choice: Choice;
    readonly stretch: Stretch;
    readonly recipient: string;
    readonly isSaid: boolean;
};

/** What somebody would see, as it is chosen. */
function ChosenSight({ choice, stretch, ...rest }: ChosenSightProps): ReactNode {
    const sum = tariffSumOf(choice, stretch);
    if (sum !== null) return <TariffSight {...rest} sum={sum} />;
    if (choice.isTariff) return null;
    const { calendar, home, recipient } = rest;
    return (
        <Sight
            home={home}
            calendar={calendar}
            step={choice.step}
            stretch={stretch}
            recipient={recipient}
        />
    );
}

type RecipientChoiceProps = {
    readonly providers: readonly RecipientView[];
    readonly chosen: RecipientView | null;
    onChoose(idHex: string): void;
};

function RecipientChoice({ providers, chosen, onChoose }: RecipientChoiceProps): ReactNode {
    if (providers.length === 0) {
        return (
            <p className="hint">
                No provider has joined this network with a key to which grants can be sealed.
            </p>
        );
    }
    return (
        <fieldset className="choices">
            <legend>Who?</legend>
            {providers.map((provider) => (
                <label key={provider.idHex} className="choice">
                    <input
                        type="radio"
                        name="recipient"
                        value={provider.idHex}
                        checked={provider === chosen}
                        onChange={() => onChoose(provider.idHex)}
                    />
                    <span>
                        {recipientName(provider)}
                        <small>
                            <code>{provider.idHex}</code>
                        </small>
                    </span>
                </label>
            ))}
        </fieldset>
    );
}

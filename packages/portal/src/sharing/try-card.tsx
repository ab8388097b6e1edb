import { type ReactNode, useMemo, useState } from "react";
import type { Calendar } from "../household/periods.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import { firstChoice, isListed, stretchFault, stretchOf } from "./choice.ts";
import { ChoiceFields } from "./choice-fields.tsx";
import { Sight } from "./sight.tsx";
import { openingWords } from "./words.ts";

type TryCardProps = { readonly home: OpenHome; readonly calendar: Calendar };

/** Shows on the household's own readings what somebody would see, before anybody is asked. */
export function TryCard({ home, calendar }: TryCardProps): ReactNode {
    const [choice, setChoice] = useState(() => firstChoice(calendar, home.zone));
    const stretch = useMemo(() => stretchOf(choice, home.zone), [choice, home.zone]);
    const fault = stretchFault(stretch);
    const hasExport = home.series.some(({ exportWh }) => exportWh !== null);
    const opening = {
        kind: isListed(choice.step) ? "E" : "K",
        step: choice.step,
        groups: choice.withExport ? [0, 1] : [0],
        zone: home.zone,
        slotSeconds: home.slotSeconds,
    } as const;
    return (
        <section className="card" aria-labelledby="grant-title" data-testid="grant-card">
            <h2 id="grant-title">What would somebody see?</h2>
            <p className="hint">Try it on your own readings. Nothing is sent to anybody.</p>
            <div className="columns">
                <div className="columns-main form">
                    <ChoiceFields
                        choice={choice}
                        slotSeconds={home.slotSeconds}
                        hasExport={hasExport}
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
                                {openingWords({ ...opening, ...stretch.value })}
                            </p>
                            <Sight
                                home={home}
                                calendar={calendar}
                                step={choice.step}
                                stretch={stretch.value}
                                recipient="somebody"
                            />
                        </>
                    )}
                </div>
            </div>
        </section>
    );
}

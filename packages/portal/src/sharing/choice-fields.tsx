import type { ReactNode } from "react";
import { type Choice, profilesOf, stepsFor } from "./choice.ts";
import { TariffFields, type Tariffs } from "./tariff-fields.tsx";
import { type Step, stepMeaning, stepName } from "./words.ts";

type ChoiceFieldsProps = {
    readonly choice: Choice;
    readonly slotSeconds: number;
    readonly hasExport: boolean;
    /** Tariffs by which one amount can be granted; absent where none is asked for. */
    readonly tariffs?: Tariffs;
    onChange(choice: Choice): void;
};

/** How finely, from when until when, and of what. */
export function ChoiceFields(props: ChoiceFieldsProps): ReactNode {
    const { choice, slotSeconds, hasExport, onChange, tariffs } = props;
    return (
        <>
            <fieldset className="choices">
                <legend>How finely?</legend>
                {stepsFor(slotSeconds).map((step) => (
                    <label key={step} className="choice">
                        <input
                            type="radio"
                            name="step"
                            value={step}
                            checked={step === choice.step && !choice.isTariff}
                            onChange={() => onChange({ ...choice, step, isTariff: false })}
                        />
                        <span>
                            {stepName(step, slotSeconds)}
                            <small>{stepMeaning(step)}</small>
                            <Profiles step={step} slotSeconds={slotSeconds} />
                        </span>
                    </label>
                ))}
                {tariffs !== undefined && (
                    <label className="choice">
                        <input
                            type="radio"
                            name="step"
                            value="tariff"
                            checked={choice.isTariff}
                            onChange={() =>
                                onChange({ ...choice, isTariff: true, withExport: false })
                            }
                        />
                        <span>
                            One amount by a tariff
                            <small>
                                What the time cost by published prices, and nothing about when.
                            </small>
                        </span>
                    </label>
                )}
            </fieldset>
            {choice.isTariff && tariffs !== undefined && (
                <TariffFields
                    choice={choice}
                    tariffs={tariffs}
                    hasExport={hasExport}
                    onChange={onChange}
                />
            )}
            <div className="fields">
                <DateField
                    label="First day"
                    value={choice.firstDay}
                    onChange={(firstDay) => onChange({ ...choice, firstDay })}
                />
                <DateField
                    label="Last day"
                    value={choice.lastDay}
                    onChange={(lastDay) => onChange({ ...choice, lastDay })}
                />
            </div>
            {hasExport && !choice.isTariff && (
                <label className="check">
                    <input
                        type="checkbox"
                        checked={choice.withExport}
                        onChange={(event) =>
                            onChange({ ...choice, withExport: event.target.checked })
                        }
                    />
                    Also what you give to the grid
                </label>
            )}
        </>
    );
}

/** Names under which rules of countries and standards ask for a step. */
function Profiles({
    step,
    slotSeconds,
}: {
    readonly step: Step;
    readonly slotSeconds: number;
}): ReactNode {
    const names = profilesOf(step, slotSeconds);
    return names.length === 0 ? null : <small>Known as {names.join(", ")}.</small>;
}

type DateFieldProps = {
    readonly label: string;
    readonly value: string;
    onChange(value: string): void;
};

function DateField({ label, value, onChange }: DateFieldProps): ReactNode {
    return (
        <label>
            {label}
            <input
                type="date"
                required={true}
                value={value}
                onChange={(event) => onChange(event.target.value)}
            />
        </label>
    );
}

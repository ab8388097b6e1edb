import type { ReactNode } from "react";
import { type Choice, profilesOf, stepsFor } from "./choice.ts";
import { type Step, stepMeaning, stepName } from "./words.ts";

type ChoiceFieldsProps = {
    readonly choice: Choice;
    readonly slotSeconds: number;
    readonly hasExport: boolean;
    onChange(choice: Choice): void;
};

/** How finely, from when until when, and of what. */
export function ChoiceFields(props: ChoiceFieldsProps): ReactNode {
    const { choice, slotSeconds, hasExport, onChange } = props;
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
                            checked={step === choice.step}
                            onChange={() => onChange({ ...choice, step })}
                        />
                        <span>
                            {stepName(step, slotSeconds)}
                            <small>{stepMeaning(step)}</small>
                            <Profiles step={step} slotSeconds={slotSeconds} />
                        </span>
                    </label>
                ))}
            </fieldset>
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
            {hasExport && (
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

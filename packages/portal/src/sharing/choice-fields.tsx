import type { ReactNode } from "react";
import { type Choice, stepsFor } from "./choice.ts";
import { stepMeaning, stepName } from "./words.ts";

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

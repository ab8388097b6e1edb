import type { ReactNode } from "react";

type SwitchProps<T extends string> = {
    /** What is chosen, for screen readers. */
    readonly legend: string;
    /** Name of the group of radio buttons, one of its own on the page. */
    readonly name: string;
    readonly options: readonly T[];
    /** Text of each option. */
    readonly texts: Readonly<Record<T, string>>;
    /** What is in force now. */
    readonly chosen: T;
    /** Asks for another option; one that is chosen already is not asked for. */
    onChoose(option: T): void;
};

/**
 * A choice of one among a few, all of them in sight. Radio buttons within: arrow keys move, and
 * screen readers say how many there are.
 */
export function Switch<T extends string>(props: SwitchProps<T>): ReactNode {
    const { legend, name, options, texts, chosen, onChoose } = props;
    return (
        <fieldset className="views">
            <legend className="hidden">{legend}</legend>
            {options.map((option) => (
                <label key={option}>
                    <input
                        type="radio"
                        name={name}
                        value={option}
                        checked={option === chosen}
                        onChange={() => onChoose(option)}
                    />
                    <span>{texts[option]}</span>
                </label>
            ))}
        </fieldset>
    );
}

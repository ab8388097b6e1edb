import type { ReactNode } from "react";

type DerivedProps = {
    /** Sentences of the derivation engine; none where nothing more follows. */
    readonly derived: readonly string[];
    readonly heading: string;
    /** What is said where nothing more follows; empty for no word about it. */
    readonly nothing: string;
};

/** What somebody could compute beyond the words of its grants. */
export function Derived({ derived, heading, nothing }: DerivedProps): ReactNode {
    if (derived.length === 0) {
        if (nothing === "") return null;
        return (
            <p className="hint" data-testid="derived" data-count="0">
                {nothing}
            </p>
        );
    }
    return (
        <div className="derived derived-warning" data-testid="derived" data-count={derived.length}>
            <p>
                <strong>{heading}</strong>
            </p>
            <ul>
                {derived.map((sentence) => (
                    <li key={sentence}>{sentence}</li>
                ))}
            </ul>
        </div>
    );
}

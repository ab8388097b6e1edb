import { type ReactNode, useState } from "react";
import { formatMoment } from "../format.ts";
import type { Household } from "../household/use-household.ts";
import type { Problem } from "../household/vault/messages.ts";
import type { AccessView } from "../household/vault/sharing-messages.ts";

type AccessesProps = {
    readonly hashHex: string;
    readonly zone: string;
    readonly household: Household;
};

/** Who asked the server for a grant, asked for when it is opened. */
export function Accesses({ hashHex, zone, household }: AccessesProps): ReactNode {
    const [accesses, setAccesses] = useState<readonly AccessView[] | null>(null);
    const [problem, setProblem] = useState<Problem | null>(null);
    const load = (): void => {
        setProblem(null);
        household.call("accesses", { hashHex }).then(setAccesses, setProblem);
    };
    return (
        <details onToggle={(event) => event.currentTarget.open && load()} data-testid="accesses">
            <summary>Who asked for it</summary>
            {problem !== null && (
                <p className="fault" role="alert">
                    {problem.text}
                </p>
            )}
            {accesses?.length === 0 && <p className="hint">Nobody has.</p>}
            {accesses !== null && accesses.length > 0 && (
                <ul className="facts">
                    {accesses.map((access) => (
                        <li key={`${access.who} ${access.timeUnix} ${access.granted}`}>
                            {formatMoment(access.timeUnix, zone)}: {access.who}
                            {access.granted ? "" : ", refused"}
                            {access.purpose === "" ? "" : `, for “${access.purpose}”`}
                        </li>
                    ))}
                </ul>
            )}
        </details>
    );
}

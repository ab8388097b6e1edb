import { type ReactNode, useEffect, useState } from "react";
import type { Household } from "../household/use-household.ts";
import type { Problem } from "../household/vault/messages.ts";
import type { TariffView } from "../household/vault/sharing-messages.ts";
import type { Choice } from "./choice.ts";

/** Tariffs of the ledger, or why there are none to choose from. */
export type Tariffs = readonly TariffView[] | Problem | null;

/** Asks for the tariffs of the ledger once they are needed; null until they are there. */
export function useTariffs({ call }: Household, isNeeded: boolean): Tariffs {
    const [tariffs, setTariffs] = useState<Tariffs>(null);
    useEffect(() => {
        if (!isNeeded) return;
        let isCurrent = true;
        const take = (next: Tariffs): void => {
            if (isCurrent) setTariffs(next);
        };
        call("tariffs", {}).then(take, take);
        return () => {
            isCurrent = false;
        };
    }, [call, isNeeded]);
    return tariffs;
}

type TariffFieldsProps = {
    readonly choice: Choice;
    readonly tariffs: Tariffs;
    readonly hasExport: boolean;
    onChange(choice: Choice): void;
};

/** Which tariff weighs a sum. */
export function TariffFields({
    choice,
    hasExport,
    onChange,
    tariffs,
}: TariffFieldsProps): ReactNode {
    if (tariffs === null) return <p className="hint">Fetching the tariffs of the ledger …</p>;
    if ("text" in tariffs) {
        return (
            <p className="fault" role="alert">
                {tariffs.title}: {tariffs.text}
            </p>
        );
    }
    if (tariffs.length === 0) {
        return <p className="hint">No provider has published a tariff on this ledger.</p>;
    }
    const chosen = tariffs.find(({ hashHex }) => hashHex === choice.tariffHex) ?? null;
    return (
        <>
            <div className="fields">
                <label className="field-wide">
                    Tariff
                    <select
                        value={choice.tariffHex ?? ""}
                        onChange={({ target }) =>
                            onChange({ ...choice, tariffHex: target.value, withExport: false })
                        }
                        data-testid="tariff"
                    >
                        <option value="" disabled={true}>
                            Choose a tariff
                        </option>
                        {tariffs.map(({ hashHex, name, providerName }) => (
                            <option key={hashHex} value={hashHex}>
                                {providerName === "" ? name : `${name}, ${providerName}`}
                            </option>
                        ))}
                    </select>
                </label>
            </div>
            {hasExport && chosen?.hasExport === true && (
                <label className="check">
                    <input
                        type="checkbox"
                        checked={choice.withExport}
                        onChange={({ target }) =>
                            onChange({ ...choice, withExport: target.checked })
                        }
                    />
                    What you give to the grid, not what you take
                </label>
            )}
        </>
    );
}

import { type ReactNode, useEffect, useMemo, useState } from "react";
import { formatCounted } from "../format.ts";
import type { Calendar } from "../household/periods.ts";
import type { Household } from "../household/use-household.ts";
import type { OpenHome, Problem } from "../household/vault/messages.ts";
import type { AmountView, TariffSum } from "../household/vault/sharing-messages.ts";
import { Picture, topPowerW } from "./picture.tsx";
import { revealedBy } from "./revealed.ts";
import { stretchName } from "./words.ts";

type TariffSightProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly household: Household;
    readonly sum: TariffSum;
    readonly recipient: string;
    /** Whether something else on the page says why there is no such sum. */
    readonly isSaid?: boolean;
};

const DAY_SECONDS = 86_400;
/** Longest picture in which the household's own readings are drawn one by one. */
const SLOTS_SHOWN_SECONDS = 29 * DAY_SECONDS;

/** What the household sees of a time, beside the one amount that somebody else would. */
export function TariffSight(props: TariffSightProps): ReactNode {
    const { calendar, home, household, recipient, sum } = props;
    const { fromUnix, toUnix } = sum;
    const amount = useAmount(household, sum);
    const own = useMemo(() => {
        const step = toUnix - fromUnix > SLOTS_SHOWN_SECONDS ? "day" : "slot";
        return revealedBy(home.series, calendar, step, { fromUnix, toUnix });
    }, [home, calendar, fromUnix, toUnix]);
    if (amount !== null && "text" in amount) {
        return props.isSaid === true ? null : (
            <p className="fault" role="alert">
                {amount.title}: {amount.text}
            </p>
        );
    }
    const name = stretchName(fromUnix, toUnix, home.zone);
    return (
        <div className="sight" data-testid="tariff-sight">
            <p className="hint">Worked out from your own readings, {name}.</p>
            <div className="pictures">
                {own.length > 0 && (
                    <Picture
                        title="What you see"
                        label={`Your own readings, ${formatCounted(own.length, "block")}.`}
                        intervals={own}
                        stretch={{ fromUnix, toUnix }}
                        topW={topPowerW(own)}
                        zone={home.zone}
                        isOthers={false}
                    />
                )}
                <figure className="picture" aria-label={`What ${recipient} sees`}>
                    <figcaption>What {recipient} sees</figcaption>
                    <p className="picture-amount" data-testid="amount">
                        {amount === null ? "…" : `${amount.amount} ${amount.currency}`}
                    </p>
                    <p className="picture-ends">
                        {amount === null
                            ? "Working it out …"
                            : `One amount for all of the time, by the prices of “${amount.tariffName}”. No day, no hour.`}
                    </p>
                </figure>
            </div>
        </div>
    );
}

/** The amount, null until it is worked out, or why it cannot be. */
function useAmount({ call }: Household, sum: TariffSum): AmountView | Problem | null {
    const [amount, setAmount] = useState<AmountView | Problem | null>(null);
    const { fromUnix, group, tariffHex, toUnix } = sum;
    useEffect(() => {
        let isCurrent = true;
        const take = (next: AmountView | Problem): void => {
            if (isCurrent) setAmount(next);
        };
        setAmount(null);
        call("amount", { fromUnix, group, tariffHex, toUnix }).then(take, take);
        return () => {
            isCurrent = false;
        };
    }, [call, fromUnix, group, tariffHex, toUnix]);
    return amount;
}

import { type ReactNode, useId } from "react";
import { Icon } from "../ui/icons.tsx";
import { Switch } from "../ui/switch.tsx";
import { periodLabel } from "./labels.ts";
import { type Period, VIEWS, type View } from "./periods.ts";

type ViewSwitchProps = { readonly view: View; onView(view: View): void };

const VIEW_NAMES: Readonly<Record<View, string>> = {
    day: "Day",
    week: "Week",
    month: "Month",
    year: "Year",
};

/** Chooses how much the chart shows at once. */
export function ViewSwitch({ view, onView }: ViewSwitchProps): ReactNode {
    return (
        <Switch
            legend="Show a"
            name="view"
            options={VIEWS}
            texts={VIEW_NAMES}
            chosen={view}
            onChoose={onView}
        />
    );
}

type PeriodStepsProps = {
    readonly periods: readonly Period[];
    readonly position: number;
    readonly view: View;
    readonly zone: string;
    /** Asks for the period that holds an instant. */
    onAnchor(unix: number): void;
};

/** The way to the periods before and after, and to any one by name. */
export function PeriodSteps(props: PeriodStepsProps): ReactNode {
    const { periods, position, view, zone, onAnchor } = props;
    const selectId = useId();
    return (
        <div className="steps">
            <StepButton
                icon="previous"
                label={`Previous ${view}`}
                period={periods[position - 1]}
                onAnchor={onAnchor}
            />
            <label className="hidden" htmlFor={selectId}>
                Choose a {view}
            </label>
            <select
                id={selectId}
                value={periods[position]?.fromUnix}
                onChange={(event) => onAnchor(Number(event.target.value))}
                data-testid="period"
            >
                {periods.map((each) => (
                    <option key={each.fromUnix} value={each.fromUnix}>
                        {periodLabel(each, view, zone)}
                    </option>
                ))}
            </select>
            <StepButton
                icon="next"
                label={`Next ${view}`}
                period={periods[position + 1]}
                onAnchor={onAnchor}
            />
        </div>
    );
}

type StepButtonProps = {
    readonly icon: "previous" | "next";
    readonly label: string;
    /** Where the button leads; undefined at an end. */
    readonly period: Period | undefined;
    onAnchor(unix: number): void;
};

/** Stays focusable at an end, so that the focus is not lost on the way there. */
function StepButton({ icon, label, period, onAnchor }: StepButtonProps): ReactNode {
    return (
        <button
            type="button"
            className="button button-icon"
            aria-label={label}
            title={label}
            aria-disabled={period === undefined}
            onClick={() => period !== undefined && onAnchor(period.fromUnix)}
        >
            <Icon name={icon} />
        </button>
    );
}

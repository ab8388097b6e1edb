import { unitOfMedium } from "@meterseal/record";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import type { Meter } from "../api/client.ts";
import { goTo } from "../route.ts";
import { Moment } from "../ui/moment.tsx";
import { Notice } from "../ui/notice.tsx";
import { anchorOf, homeAddress, parseHomeAddress } from "./address.ts";
import { ENERGY_HEADING, EnergyCard } from "./energy-card.tsx";
import { YearCard } from "./heat-map/year-card.tsx";
import { HomeTabs } from "./home-tabs.tsx";
import { KeyCard } from "./key-card.tsx";
import { calendarOf, type View } from "./periods.ts";
import { ProvisionalNotice } from "./provisional-notice.tsx";
import { Seal } from "./seal.tsx";
import { UnitContext } from "./unit.ts";
import type { Household, HouseholdState } from "./use-household.ts";
import type { OpenHome } from "./vault/messages.ts";
import { VerifyCard } from "./verify-card.tsx";

type OpenHouseholdProps = {
    readonly state: Extract<HouseholdState, { kind: "open" }>;
    readonly household: Household;
    /** Address of the page, which names what is shown. */
    readonly hash: string;
    readonly meters: readonly Meter[];
};

/** An opened home: its months, its chart, and what was verified. */
export function OpenHousehold({ state, household, hash, meters }: OpenHouseholdProps): ReactNode {
    const { home, problem, refreshing } = state;
    const calendar = useMemo(() => calendarOf(home.series, home.zone), [home]);
    const { view, civilDay } = useMemo(() => parseHomeAddress(hash), [hash]);
    const anchorUnix = useMemo(
        () => anchorOf(calendar, civilDay, home.zone),
        [calendar, civilDay, home.zone],
    );
    const show = (next: View, unix: number): void =>
        goTo(homeAddress(calendar, next, unix, home.zone));
    const heading = useRef<HTMLHeadingElement>(null);
    // The control that was in use, the key input, is gone: the focus goes on to what replaced it.
    useEffect(() => heading.current?.focus(), []);
    const isSound = Object.values(home.verdicts).every(({ holds }) => holds);
    return (
        <UnitContext value={unitOfMedium(home.medium)}>
            <div className="page">
                <HomeTabs current="household" />
                <div className="home-head">
                    <div>
                        <h1 ref={heading} tabIndex={-1}>
                            {home.name}
                        </h1>
                        <p className="home-facts">
                            <Newest home={home} />
                        </p>
                    </div>
                    <Seal home={home} isSound={isSound} />
                </div>
                {problem !== null && (
                    <Notice kind="fault" title={problem.title} code={problem.code}>
                        <p>{problem.text} What you see is the state before.</p>
                    </Notice>
                )}
                {!isSound && (
                    <Notice kind="fault" title="Do not rely on these figures">
                        <p>
                            What the server sent did not pass verification; “Can you trust these
                            numbers?” says what and where.
                        </p>
                    </Notice>
                )}
                <ProvisionalNotice meters={meters} meter={home.meter} />
                <div className="home-columns" data-sound={isSound}>
                    <div className="home-main">
                        {calendar.days.length === 0 ? (
                            <NothingToShow />
                        ) : (
                            <EnergyCard
                                home={home}
                                calendar={calendar}
                                view={view}
                                anchorUnix={anchorUnix}
                                onShow={show}
                            />
                        )}
                    </div>
                    <div className="home-side">
                        <VerifyCard
                            home={home}
                            refreshing={refreshing}
                            onRefresh={household.refresh}
                        />
                        <KeyCard household={household} />
                    </div>
                </div>
                {calendar.days.length > 0 && (
                    <YearCard
                        home={home}
                        calendar={calendar}
                        view={view}
                        anchorUnix={anchorUnix}
                        onOpenDay={(unix) => {
                            show("day", unix);
                            document.getElementById(ENERGY_HEADING)?.focus();
                        }}
                    />
                )}
            </div>
        </UnitContext>
    );
}

/** How far the readings reach; the page goes on by itself when the meter reports more. */
function Newest({ home }: { readonly home: OpenHome }): ReactNode {
    const unix = home.series.at(-1)?.unix;
    if (unix === undefined) return null;
    return (
        <>
            Newest reading: <Moment unix={unix} zone={home.zone} />, time in{" "}
            {home.zone.replaceAll("_", " ")}
        </>
    );
}

function NothingToShow(): ReactNode {
    return (
        <Notice kind="quiet" icon="unknown" title="There is nothing to show">
            <p>No register of this home could be opened from what the server sent.</p>
        </Notice>
    );
}

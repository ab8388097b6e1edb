import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { HomeTabs } from "../household/home-tabs.tsx";
import { calendarOf } from "../household/periods.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import "../styles/sharing.css";
import { TryCard } from "./try-card.tsx";

type SharingPageProps = { readonly home: OpenHome };

/** Who can see what of a home, and how finely. */
export function SharingPage({ home }: SharingPageProps): ReactNode {
    const calendar = useMemo(() => calendarOf(home.series, home.zone), [home]);
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    return (
        <div className="page">
            <HomeTabs current="sharing" />
            <div className="headline">
                <h1 ref={heading} tabIndex={-1}>
                    Who can see what
                </h1>
                <p className="lead">
                    Your readings are sealed. Whoever shall see something of them gets keys for
                    exactly that, from you: the total of a month, say, and no single day of it.
                </p>
            </div>
            {calendar.days.length > 0 && <TryCard home={home} calendar={calendar} />}
        </div>
    );
}

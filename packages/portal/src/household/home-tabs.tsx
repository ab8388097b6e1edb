import type { ReactNode } from "react";
import { ROUTES, type Route } from "../route.ts";

const TABS = [
    ["household", "Electricity"],
    ["sharing", "Who can see what"],
    ["bill", "Check a bill"],
] as const satisfies readonly (readonly [Route, string])[];

/** The pages of a home. */
export function HomeTabs({ current }: { readonly current: Route }): ReactNode {
    return (
        <nav className="tabs" aria-label="Pages of your home">
            {TABS.map(([route, name]) => (
                <a
                    key={route}
                    href={ROUTES[route]}
                    aria-current={route === current ? "page" : undefined}
                    data-tab={route}
                >
                    {name}
                </a>
            ))}
        </nav>
    );
}

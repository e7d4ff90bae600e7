// Runs in the page's own world, before any script of the page: stands in front of every way on which a page gets files or
// sends them. docs/adr/0013 tells which way is caught where.

import { followDerived, isApprovedHere } from "./approval.js";
import { guardFormData } from "./bodies.js";
import { guardClipboard } from "./clipboard.js";
import { guardEntries } from "./entries.js";
import { meetFamily } from "./family.js";
import { guardForms } from "./forms.js";
import { guardInputs } from "./inputs.js";
import { openLink, tell } from "./link.js";
import { surviveOpening } from "./natives.js";
import { followRoots, listenIn } from "./roots.js";
import { guardSinks } from "./sinks.js";
import { guardTransfers } from "./transfers.js";

meetFamily(isApprovedHere, listenIn);
openLink();
surviveOpening(() => tell({ type: "opened" })); // the own world listens at the window, too
followRoots();
followDerived();
guardInputs();
guardForms();
guardTransfers();
guardEntries();
guardClipboard();
guardFormData();
guardSinks();

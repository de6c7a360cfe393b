// What makes the back office nicer where script runs; every page works without it. Sections import a file each from backoffice/.
import "./backoffice/alive.js";
import "./forms.js";
import "./backoffice/goods.js";
import "./backoffice/progress.js";
import "./backoffice/queue.js";

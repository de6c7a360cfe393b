// What makes a page nicer where script runs; every page works without it.
import "./basket.js";
import "./carousel.js";
import "./checkout.js";
import "./forms.js";
import "./gallery.js";
import "./menu.js";
import "./order.js";
import "./recent.js";
import "./suggestions.js";

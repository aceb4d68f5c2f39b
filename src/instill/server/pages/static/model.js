// A candidate's card: promoting it.
import "./base.js";

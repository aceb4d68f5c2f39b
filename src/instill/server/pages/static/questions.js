// Judging questions in their list, and what is begun with those that were judged.
import "./base.js";
import "./judging.js";
import "./jobs.js";

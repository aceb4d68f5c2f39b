// The documents, in their list and each on its page: adding them, their labels, the jobs and the source.
import "./adding_documents.js";
import "./dropping.js";
import "./jobs.js";
import "./document_labels.js";
import "./source_pane.js";

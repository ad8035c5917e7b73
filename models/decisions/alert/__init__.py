"""The body of an alert as detection knows it: ``body`` fills its fields, ``wording`` its reasons and talk track."""

"""The author against a panel of others: features, classifier, calibration."""
